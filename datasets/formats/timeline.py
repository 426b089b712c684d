"""Frames of a label file and their times: from times.csv, seqinfo.ini, or the format itself.

times.csv has the columns frame (counted from 1), source_frame and time (seconds since the source's first frame). It is
beside label files of formats without times, as `<stem>.times.csv` (for one file) or `times.csv` (for the folder).
"""

from __future__ import annotations

import configparser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.formats.layout import stem
from datasets.formats.text import SMALL_BYTES, BadRows, log, parse, read_text
from models.errors import DataError
from tracker.types import Float64, Int64

MAX_FRAMES = 1_000_000  # nine hours at 30 Hz; a larger count in a header is an error that would exhaust memory or disk
MAX_LINE_CHARACTERS = 1000  # in a line of seqinfo.ini
MAX_INDEX = 2**53  # float64 represents integers exactly up to here
LABEL_FOLDERS = ("gt", "det")  # MOTChallenge keeps label files one folder below seqinfo.ini


@dataclass(frozen=True, eq=False)
class Clock:
    """The frames of a source, as far as a file lists them.

    Attributes:
        frames: (F,) int64, counted from 0, strictly increasing.
        times: (F,) float64 seconds, strictly increasing, or None.
        origin: the file that this comes from, for messages.
        rate: frames a second; if it is not None, frames beyond the list are allowed and frame k is at k / rate seconds.
        size: (width, height) in pixels, or None.
    """

    frames: Int64
    times: Float64 | None
    origin: str
    rate: float | None = None
    size: tuple[int, int] | None = None


def make_clock(
    frames: Sequence[float] | Float64,
    times: Sequence[float | None] | None,
    where: Callable[[int], str],
    bad: BadRows,
    *,
    first: int = 0,
    size: tuple[int, int] | None = None,
) -> Clock:
    """A clock of the listed frames, sorted and checked. They count from 0; the file counts from `first`."""
    number_of = np.asarray(frames, float)
    known = times is not None and any(t is not None for t in times)
    seconds = np.array([np.nan if t is None else t for t in times], float) if known and times is not None else None
    order = np.argsort(number_of, kind="stable")
    kept: list[int] = []
    for i in order.tolist():
        frame = number_of[i]
        if not (0 <= frame < MAX_INDEX) or frame != int(frame):
            bad(where(i), f"frame is {frame + first:.15g}; frames are whole numbers from {first}")
        elif kept and frame == number_of[kept[-1]]:
            bad(where(i), f"frame {frame + first:.0f} stands there twice; give each frame once")
        elif seconds is not None and not np.isfinite(seconds[i]):
            bad(where(i), f"frame {frame + first:.0f} has no finite time; give seconds for every frame or for none")
        elif seconds is not None and kept and seconds[i] <= seconds[kept[-1]]:
            bad(
                where(i),
                f"time goes from {seconds[kept[-1]]:.9g} to {seconds[i]:.9g} at frame {frame + first:.0f}; let it rise",
            )
        else:
            kept.append(i)
    bad.good += len(kept)
    return Clock(number_of[kept].astype(np.int64), None if seconds is None else seconds[kept], bad.path.name, size=size)


def read_times(path: Path, skip_bad_rows: bool = False, first: int = 1) -> Clock:
    """The clock of a times.csv with at least the columns frame (from `first`) and time (seconds), named in line 1."""
    bad = BadRows(path, skip_bad_rows)
    text = read_text(path)
    lines = [(k, line) for k, line in enumerate(text.split("\n"), 1) if line.strip()]
    head = [name.strip().lower() for name in lines[0][1].split(",")] if lines else []
    if "frame" not in head or "time" not in head:
        raise DataError(
            f"{path.name} line 1: the columns are {', '.join(head) or 'missing'}; name them frame,source_frame,time."
        )
    at, to = head.index("frame"), head.index("time")
    frames: list[float] = []
    times: list[float | None] = []
    numbers: list[int] = []
    for k, line in lines[1:]:
        cells = line.split(",")
        frame, time = (parse(cells[c].strip()) if c < len(cells) else None for c in (at, to))
        unknown = to < len(cells) and not cells[to].strip()
        if frame is None or (time is None and not unknown):
            if k == lines[-1][0] and not text.endswith("\n"):
                log.warning("%s: the last line breaks off and was left out", path.name)
                continue
            bad(f"line {k}", f"{line.strip()[:60]!r} is no frame number with a time in seconds")
            continue
        frames.append(frame - first)
        times.append(time)
        numbers.append(k)
    clock = make_clock(frames, times or None, lambda i: f"line {numbers[i]}", bad, first=first)
    bad.report()
    return clock


def read_seqinfo(path: Path) -> Clock:
    """The clock of a MOTChallenge seqinfo.ini: seqLength frames at frameRate, and the image size."""
    ini = configparser.ConfigParser(interpolation=None, strict=False)
    text = read_text(path, SMALL_BYTES)
    if any(len(line) > MAX_LINE_CHARACTERS for line in text.split("\n")):  # parsing time is quadratic in its length
        raise DataError(f"{path} is no seqinfo.ini (it has a line of more than {MAX_LINE_CHARACTERS} characters).")
    try:
        ini.read_string(text)
        values = dict(ini["Sequence"])
    except (configparser.Error, KeyError) as error:
        raise DataError(
            f"{path} is no seqinfo.ini ({str(error).splitlines()[0]}); it needs a section [Sequence]."
        ) from error

    def get(key: str, least: float) -> float | None:
        if key not in values:
            return None
        value = parse(values[key].strip())
        if value is None or not least <= value <= MAX_FRAMES:
            raise DataError(
                f"{path}: {key} is {values[key]!r}; give a number of at least {least:g} and at most {MAX_FRAMES}."
            )
        return value

    length, rate = get("seqlength", 0), get("framerate", 1e-3)
    width, height = get("imwidth", 1), get("imheight", 1)
    frames = np.arange(int(length or 0))
    size = (int(width), int(height)) if width and height else None
    return Clock(frames, frames / rate if rate else None, path.name, rate, size)


def find_clock(path: Path, skip_bad_rows: bool = False) -> Clock | None:
    """The clock beside a label file: `<stem>.times.csv`, `times.csv`, then seqinfo.ini; None if there is none.

    For `gt/gt.txt` and `det/det.txt` of a sequence, the sequence's folder is searched too.
    """
    folders = [path.parent]
    if path.parent.name in LABEL_FOLDERS:
        folders.append(path.parent.parent)
    found: Clock | None = None
    candidates = [path.parent / f"{stem(path)}.times.csv", *(folder / "times.csv" for folder in folders)]
    for candidate in candidates:
        if candidate.is_file():
            found = read_times(candidate, skip_bad_rows)
            break
    for folder in folders:
        ini = folder / "seqinfo.ini"
        if ini.is_file():
            info = read_seqinfo(ini)
            return info if found is None else Clock(found.frames, found.times, found.origin, None, info.size)
    return found
