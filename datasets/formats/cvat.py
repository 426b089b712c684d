"""CVAT for video 1.1 XML: one `<track>` per object, a `<box>` per key frame, and `outside="1"` when it is absent.

There are few key frames, so that a track can be corrected by hand by moving some of them. CVAT interpolates linearly
between key frames; the interpolation stays within a tolerance of every box (`keyframes`). Absences are exact; scores
are those of the key frames.

CVAT has no field for times. They are written as XML processing instructions, which CVAT ignores:
`<?liquidtrack frame="12" seconds="0.48"?>`, one per frame, also for frames without boxes. CVAT drops them when it saves
the file; then put its times.csv beside it (`timeline`). `<meta>` holds the first frame's time on the file's clock, and
for a camera on the wall clock: `<?liquidtrack start="0.0" start_utc="2026-...Z"?>`. Score and ignore are attributes of
the box, declared in the labels; so is `filled` (true: no detection, the box is put into an absence) where such boxes
are. An absence's first and last filled box are key frames only so that they keep the attribute.

Reading: boxes that CVAT left out between two key frames are interpolated, as in CVAT, and a track without an end lasts
to the last frame. `occluded` means a visibility of 0, else 1. Rotated boxes and polygons become their bounding boxes.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.cvat_parser import CvatParser, Shape
from datasets.formats.keyframes import key_frames
from datasets.formats.table import LabelRows, RowList, assemble, union
from datasets.formats.text import BadRows, read_text
from datasets.formats.timeline import MAX_FRAMES, Clock, find_clock, make_clock
from datasets.formats.writer import FrameBoxes, WholeFile, Writer, utc
from models.errors import DataError
from tracker.types import Int64

TOLERANCE = 2.0  # pixels
BOX = re.compile(
    rb'<box frame="(\d+)" outside="([01])" occluded="([01])" keyframe="1" xtl="([-.\d]+)" ytl="([-.\d]+)"'
    rb' xbr="([-.\d]+)" ybr="([-.\d]+)" z_order="0">'
    rb'(?:<attribute name="score">[^<]*</attribute><attribute name="ignore">(?:(true)|false)</attribute>'
    rb'(?:<attribute name="filled">(?:(true)|false)<)?)?'
)
MAX_FILLED = 2_000_000  # largest number of boxes that interpolation adds: a few lines of XML could request any number


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """The tracks of one task or job; also the boxes of CVAT for images 1.1, as detections."""
    bad = BadRows(path, skip_bad_rows)
    parsed = CvatParser(path, bad).parse(read_text(path))
    if parsed.frames:
        clock: Clock | None = make_clock(
            parsed.frames, parsed.times, lambda i: f"frame note {i + 1}", bad, size=parsed.size
        )
    else:
        clock = find_clock(path, skip_bad_rows)
    if clock is None:
        seen = np.array([s.frame for shapes in parsed.tracks.values() for s in shapes], float)
        fine = seen[(seen >= 0) & (seen == np.floor(seen)) & (seen < MAX_FRAMES)]
        clock = Clock(union(parsed.task_frames, fine.astype(np.int64)), None, path.name, size=parsed.size)
    rows = RowList()
    tracks: list[tuple[list[Shape], list[int]]] = []
    for (number, label), shapes in parsed.tracks.items():
        at = []  # row index of each shape
        for shape in shapes:
            at.append(len(rows.frame))
            if not shape.outside:
                rows.add(
                    shape.where, shape.frame, number, shape.ltrb, label, shape.score, shape.ignore, shape.visibility,
                    filled=shape.filled,
                )  # fmt: skip
        if number >= 0 and not parsed.still:  # detections are not interpolated
            tracks.append((shapes, at))
    table, of = _filled(path, tracks, clock, rows.rows())
    size = parsed.size or clock.size
    got = assemble(table, lambda i: rows.where[of[i]], bad, parsed.names, clock, size=size)
    return replace(got, start=parsed.start)


def _filled(
    path: Path, tracks: list[tuple[list[Shape], list[int]]], clock: Clock, table: LabelRows
) -> tuple[LabelRows, Int64]:
    """The rows, followed by the boxes interpolated between and after a track's own boxes; source row of each."""
    source: list[int] = []
    bounds: list[tuple[int, int]] = []
    target: list[tuple[float, list[float]]] = []  # (frame, box) that interpolation ends at
    for shapes, at in tracks:
        frames = np.array([shape.frame for shape in shapes])
        if not np.isfinite(frames).all():
            continue  # wrong rows are refused or dropped later
        order = np.argsort(frames, kind="stable")
        start = np.searchsorted(clock.frames, frames[order], "right")
        stop = np.append(np.searchsorted(clock.frames, frames[order][1:]), len(clock.frames))
        for k in np.flatnonzero(stop > start).tolist():
            here, after = shapes[order[k]], shapes[order[k + 1]] if k + 1 < len(order) else None
            if not here.outside and np.isfinite(here.ltrb).all():
                source.append(at[order[k]])
                bounds.append((int(start[k]), int(stop[k])))
                moves = after is not None and not after.outside and np.isfinite(after.ltrb).all()
                target.append((after.frame, after.ltrb) if moves and after is not None else (np.inf, here.ltrb))
    length = np.array([stop - start for start, stop in bounds], np.int64)
    total, written = int(length.sum()), np.arange(len(table.frame))
    if total > MAX_FILLED:
        raise DataError(
            f"{path.name} asks for {total} interpolated boxes, more than {MAX_FILLED}; export fewer frames."
        )
    if not total:
        return table, written
    gap = np.repeat(np.arange(len(bounds)), length)
    of = np.array(source)[gap]
    first = np.array(bounds)[:, 0] - np.cumsum(length) + length
    frame = clock.frames[first[gap] + np.arange(total)].astype(float)
    there, to = np.array([t[0] for t in target])[gap], np.array([t[1] for t in target])[gap]
    with np.errstate(all="ignore"):
        part = ((frame - table.frame[of]) / (there - table.frame[of]))[:, None]
        return table.extended(of, frame, table.ltrb[of] + part * (to - table.ltrb[of])), np.append(written, of)


class CvatWriter(Writer):
    """Writes CVAT for video 1.1.

    CVAT groups boxes by track, but frames arrive in time order. Each box is therefore first written as a separate
    `<track>`, which keeps the file valid after every frame (`read` joins the parts by their id). At the end the file is
    rewritten in CVAT's order, with only key frames and the labels that occur. After a kill, `liquidtrack convert` does
    this.

    Args:
        tolerance: largest error of an edge between key frames after linear interpolation, pixels; 0 makes every frame a
            key frame. Presence and absence of an object are always exact.
    """

    def __init__(self, path: str | Path, tolerance: float = TOLERANCE) -> None:
        super().__init__(path)
        self._tolerance = tolerance

    def _open(self) -> None:
        self._shown: dict[tuple[int, int], str] = {}
        self._fills = False
        self._starts = [f'label={quoteattr(name)} source="auto"' for name in self.names]
        self._file = WholeFile(self.path, self._head("", self.names), tail="</annotations>\n")
        self._body = self._file.end

    def _head(self, extent: str, names: Iterable[str]) -> str:
        attributes = "".join(
            f"<attribute><name>{name}</name><mutable>True</mutable><input_type>{kind}</input_type>"
            f"<default_value>{default}</default_value><values>{values}</values></attribute>"
            for name, kind, default, values in (
                ("score", "text", "", ""),
                ("ignore", "checkbox", "false", "false"),
                *([("filled", "checkbox", "false", "false")] if self._fills else []),
            )
        )
        labels = "".join(
            f"<label><name>{escape(name)}</name><attributes>{attributes}</attributes></label>\n"
            for name in dict.fromkeys(names)
        )
        info = self.info
        size = f"<original_size><width>{info.width}</width><height>{info.height}</height></original_size>\n"
        if not (info.width > 0 and info.height > 0):
            size = ""
        if info.start or info.started is not None:
            clock = "" if info.started is None else f' start_utc="{utc(info.started)}"'
            size += f'<?liquidtrack start="{info.start!r}"{clock}?>\n'
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta>\n<task>\n'
            f"<name>{escape(_printable(info.name))}</name>\n{extent}<mode>interpolation</mode>\n"
            f"<labels>\n{labels}</labels>\n{size}</task>\n</meta>\n"
        )

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        seconds = "" if time is None else f' seconds="{time!r}"'
        self._fills |= boxes.filled is not None
        source = "" if self._source_index is None else f' source_frame="{self._source_index}"'
        lines = [f'<?liquidtrack frame="{index}"{seconds}{source}?>\n']
        shown: dict[tuple[int, int], str] = {}
        columns = boxes.id.tolist(), boxes.label.tolist(), boxes.xyxy.tolist(), boxes.score.tolist()
        for k, (number, label, (left, top, right, bottom), score) in enumerate(zip(*columns, strict=True)):
            right, bottom = max(right, left + 0.002), max(bottom, top + 0.002)  # keeps the rounded box non-empty
            place = f'xtl="{left:.3f}" ytl="{top:.3f}" xbr="{right:.3f}" ybr="{bottom:.3f}" z_order="0"'
            occluded = int(boxes.visibility is not None and bool(boxes.visibility[k] < 0.5))
            ignore = "true" if boxes.ignore is not None and boxes.ignore[k] else "false"
            filled = (
                ""
                if boxes.filled is None
                else f'<attribute name="filled">{str(bool(boxes.filled[k])).lower()}</attribute>'
            )
            box = (
                f'<box frame="{index}" outside="0" occluded="{occluded}" keyframe="1" {place}>'
                f'<attribute name="score">{score:.7g}</attribute><attribute name="ignore">{ignore}</attribute>'
                f"{filled}</box>"
            )
            gone = _gone(index + 1, place) if number < 0 else ""  # a detection is a track of one frame
            lines.append(f'<track id="{number}" {self._starts[label]}>{box}{gone}</track>\n')
            if number >= 0:
                shown[number, label] = place
        for (number, label), place in self._shown.items():
            if (number, label) not in shown:
                lines.append(f'<track id="{number}" {self._starts[label]}>{_gone(index, place)}</track>\n')
        self._shown = shown
        self._file.append("".join(lines))

    def _close(self) -> None:
        try:
            if self._last >= 0:
                self._file.rewrite(self._by_track(self._file.end))
        except DataError as error:
            raise DataError(
                f"{error} All boxes are in it, each as a track of its own: `liquidtrack convert` puts them in order."
            ) from error
        finally:
            self._file.close()

    def _by_track(self, end: int) -> Iterator[bytes]:
        """The file's parts in CVAT's order: head, notes on frames, and the key frames of each track."""
        known: dict[bytes, int] = {}
        used: set[bytes] = set()
        track, start = array("q"), array("q")
        notes = array("q")
        with self._file.reading() as file:
            file.seek(self._body)
            at = self._body
            while at < end:
                line = file.readline()
                if line.startswith(b"<?"):
                    notes.append(at)
                else:
                    key = line[: line.find(b"><box ")]
                    used.add(key.split(b" ", 2)[-1])
                    if not (line.startswith(b"<track ") and line.endswith(b"</track>\n")):
                        raise DataError(f"{self.path} was changed by another program while it was written.")
                    if key.startswith(b'<track id="-1"'):
                        key = b"%d" % at  # detections are not joined
                    track.append(known.setdefault(key, len(known)))
                    start.append(at)
                at += len(line)
            names = [name for name, text in zip(self.names, self._starts, strict=True) if text.encode() in used]
            last = self._last
            extent = f"<size>{last + 1}</size>\n<start_frame>0</start_frame>\n<stop_frame>{last}</stop_frame>\n"
            yield self._head(extent, names or self.names).encode()
            for at in notes:
                file.seek(at)
                yield file.readline()
            order = np.argsort(np.array(track, np.int64), kind="stable")
            ends = np.flatnonzero(np.diff(np.array(track, np.int64)[order], append=-1))
            for rows in np.split(order, ends[:-1] + 1) if len(order) else ():
                yield from self._track(file, [start[k] for k in rows.tolist()])

    def _track(self, file: BinaryIO, places: list[int]) -> Iterator[bytes]:
        """The key frames of one track, with its boxes at these offsets of the file."""
        values = array("d")
        for at in places:
            file.seek(at)
            found = BOX.search(file.readline())
            if found is None:
                raise DataError(f"{self.path} was changed by another program while it was written.")
            *numbers, ignore, filled = found.groups()
            values.extend(map(float, numbers))
            values.extend((ignore is not None, filled is not None))
        # frame, outside, occluded, left, top, right, bottom, ignore, filled
        table = np.frombuffer(values).reshape(-1, 9)
        state = table[:, [1, 2, 7, 8]]
        runs = np.flatnonzero((state[1:] != state[:-1]).any(axis=1) | (state[1:, 0] == 1)) + 1
        first = True
        for run in np.split(np.arange(len(table)), runs):
            for k in key_frames(table[run, 0].astype(np.int64), table[run, 3:7], self._tolerance):
                file.seek(places[run[k]])
                line = file.readline().removesuffix(b"\n")
                inner = line.find(b"><box ") + 1
                yield (line[:inner] + b"\n" if first else b"") + line[inner:].removesuffix(b"</track>") + b"\n"
                first = False
        yield b"</track>\n"


def _gone(index: int, place: str) -> str:
    return f'<box frame="{index}" outside="1" occluded="0" keyframe="1" {place}></box>'


def _printable(name: str) -> str:
    """The name without control characters, most of which XML 1.0 cannot represent."""
    return re.sub(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", " ", name)
