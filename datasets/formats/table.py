"""Converts a file's columns to `Annotations`: the checks of boxes for all formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.label_rows import UNKNOWN_LINK, UNKNOWN_PROVENANCE, LabelRows
from datasets.formats.layout import stem
from datasets.formats.provenance import Provenance
from datasets.formats.text import SMALL_BYTES, BadRows, read_text
from datasets.formats.timeline import MAX_INDEX, Clock
from datasets.formats.track_info import TrackInfo
from datasets.formats.writer import replace_file, writing
from models.errors import DataError
from tracker.types import Bool, Float32, Float64, Int64, UInt8

MAX_PIXEL = 1e9  # beyond any image; at this size float32 cannot resolve a pixel


def assemble(
    rows: LabelRows,
    where: Callable[[int], str],
    bad: BadRows,
    names: tuple[str, ...],
    clock: Clock | None,
    *,
    first: int = 0,
    size: tuple[int, int] | None = None,
    tracks: tuple[TrackInfo, ...] = (),
) -> Annotations:
    """Checks every row, drops or refuses bad ones, sorts the rest (stable) and assigns them to the clock's frames.

    Args:
        where: the place of row i in the file.
        first: number of the file's first frame, for messages.
        size: the file's own image size; None uses the clock's.
        tracks: what the file says of tracks as a whole.
    """
    good = np.ones(len(rows.frame), bool)
    with np.errstate(all="ignore"):
        for wrong, reason in _checks(rows, names, clock, first):
            for i in np.flatnonzero(wrong & good).tolist():
                bad(where(i), reason(i))
            good &= ~wrong
    frame = np.where(good, rows.frame, 0).astype(np.int64)
    number = np.where(good, rows.id, -1).astype(np.int64)
    for i in _repeats(frame, number, good):
        bad(where(i), f"id {number[i]} stands twice in frame {frame[i] + first}; an object has one box a frame")
        good[i] = False
    keep = np.flatnonzero(good)
    keep = keep[np.argsort(frame[keep], kind="stable")]
    frames, times = _timeline(frame[keep], clock)
    bad.good += len(keep)
    bad.report()
    if size is None and clock is not None:
        size = clock.size
    filled = None if rows.filled is None else rows.filled[keep]
    provenance, filled = _provenance(None if rows.provenance is None else rows.provenance[keep], filled)
    return Annotations(
        frames,
        times,
        np.searchsorted(frames, frame[keep]),
        number[keep],
        rows.ltrb[keep].astype(np.float32),
        rows.score[keep].astype(np.float32),
        rows.label[keep],
        names,
        np.zeros(len(keep), bool) if rows.ignore is None else rows.ignore[keep],
        size,
        None if rows.visibility is None else rows.visibility[keep].astype(np.float32),
        None if rows.mask is None else tuple(rows.mask[i] for i in keep.tolist()),
        filled=filled,
        link=None if rows.link is None else _links(rows.link[keep]),
        provenance=provenance,
        occluded=None if rows.occluded is None else rows.occluded[keep],
        tracks=tracks,
    )


def _checks(
    rows: LabelRows, names: tuple[str, ...], clock: Clock | None, first: int
) -> list[tuple[Bool, Callable[[int], str]]]:
    """(which rows are wrong, reason for row i), the most helpful message first."""
    frame, number, box, score, label = rows.frame, rows.id, rows.ltrb, rows.score, rows.label
    wh = box[:, 2:] - box[:, :2] if rows.wh is None else rows.wh
    edges = box if rows.wh is None else np.hstack([box[:, :2], rows.wh])
    edge_names = ("left", "top", "right", "bottom") if rows.wh is None else ("left", "top", "width", "height")
    far: Bool = ~(np.abs(edges) <= MAX_PIXEL)
    flat: Bool = ~(wh > 0)
    small = box.astype(np.float32)

    def edge(i: int) -> str:
        k = int(np.argmax(far[i]))
        rule = "numbers must be finite" if not np.isfinite(edges[i, k]) else "no picture is that large"
        return f"{edge_names[k]} is {edges[i, k]}; {rule}"

    def side(i: int) -> str:
        k = int(np.argmax(flat[i]))
        name = ("width", "height")[k]
        return f"{name} is {wh[i, k]}; a box needs a positive {name}"

    checks: list[tuple[Bool, Callable[[int], str]]] = [
        (
            ~((frame >= 0) & (frame < MAX_INDEX) & (frame == np.floor(frame))),
            lambda i: f"frame is {frame[i] + first:.15g}; frames are whole numbers from {first}",
        ),
        (
            ~((number >= -1) & (number < MAX_INDEX) & (number == np.floor(number))),
            lambda i: f"id is {number[i]:.15g}; ids are whole numbers from 0, or -1 where there is none",
        ),
        (np.any(far, axis=1), edge),
        (np.any(flat, axis=1), side),
        (
            np.any(~(small[:, 2:] > small[:, :2]), axis=1),
            lambda i: f"the box {box[i].tolist()} is too small for where it lies; give pixels",
        ),
        (
            ~((score >= 0) & (score <= 1)),
            lambda i: f"score is {score[i]}; scores are probabilities between 0 and 1, so divide percent by 100",
        ),
        (
            (label < 0) | (label >= len(names)),
            lambda i: f"class {label[i] + first} is none of the {len(names)} classes of this file",
        ),
    ]
    if rows.visibility is not None:
        seen = rows.visibility
        checks.append((~((seen >= 0) & (seen <= 1)), lambda i: f"visibility is {seen[i]}; it lies between 0 and 1"))
    if rows.link is not None:
        link = rows.link
        unlikely = ~((link >= 0) & (link <= 1) | (link == UNKNOWN_LINK))
        checks.append((unlikely, lambda i: f"link is {link[i]}; it is a probability between 0 and 1"))
    if clock is not None and clock.rate is None:
        listed = np.isin(frame, clock.frames)
        checks.append((~listed, lambda i: f"frame {frame[i] + first:.0f} is not listed in {clock.origin}"))
    return checks


def _repeats(frame: Int64, number: Int64, good: Bool) -> list[int]:
    """Rows with an id that an earlier row of the same frame already has."""
    at = np.flatnonzero(good & (number >= 0))
    order = at[np.lexsort((number[at], frame[at]))]  # stable: for equal keys the earlier row comes first
    same = (np.diff(frame[order]) == 0) & (np.diff(number[order]) == 0)
    return sorted(order[1:][same].tolist())


def _links(link: Float64) -> Float32:
    return np.where(link == UNKNOWN_LINK, np.nan, link).astype(np.float32)


def _provenance(told: Int64 | None, filled: Bool | None) -> tuple[UInt8 | None, Bool | None]:
    """(provenance, filled) of all boxes; what only one of both tells holds for the other."""
    if told is None:
        return None, filled
    known = np.zeros(len(told), bool) if filled is None else filled
    found = np.where(told != UNKNOWN_PROVENANCE, told, np.where(known, Provenance.FILLED, Provenance.SEEN))
    is_filled = found == Provenance.FILLED
    return found.astype(np.uint8), is_filled if filled is not None or is_filled.any() else None


def _timeline(frame: Int64, clock: Clock | None) -> tuple[Int64, Float64 | None]:
    if clock is None:
        return np.unique(frame), None
    if clock.rate is None:
        return clock.frames, clock.times
    frames = union(clock.frames, frame)
    return frames, frames / clock.rate


def read_names(path: Path) -> tuple[str, ...] | None:
    """Class names, one per line, from `<stem>.names` or `labels.txt` beside a label file; None if there is neither."""
    for candidate in (path.parent / f"{stem(path)}.names", path.parent / "labels.txt"):
        if candidate.is_file() and candidate.name != path.name:
            names = tuple(line.strip() for line in read_text(candidate, SMALL_BYTES).split("\n") if line.strip())
            if not names:
                raise DataError(f"{candidate} is empty; write the class names, one a line, or delete it.")
            return names
    return None


def write_names(path: Path, names: tuple[str, ...], usual: tuple[str, ...]) -> None:
    """Writes `<stem>.names` if the names differ from the default `usual`; otherwise removes an earlier run's file."""
    own = path.parent / f"{stem(path)}.names"
    if names != usual or (path.parent / "labels.txt").exists():
        replace_file(own, "\n".join(names) + "\n")
    else:
        with writing(own):
            own.unlink(missing_ok=True)


def union(listed: Int64, more: Int64) -> Int64:
    """Sorted union of both. `listed` is already increasing and may be long; `np.union1d` would hash all of it."""
    at = np.searchsorted(listed, more)
    known = np.append(listed, -1)[at] == more
    extra = np.unique(more[~known])
    return np.insert(listed, np.searchsorted(listed, extra), extra)
