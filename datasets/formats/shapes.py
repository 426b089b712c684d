"""Tracks given by key frames, as CVAT and Label Studio keep them: linear interpolation, origin, absences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datasets.formats.label_rows import UNKNOWN_PROVENANCE, LabelRows, RowList
from datasets.formats.provenance import Provenance
from datasets.formats.timeline import Clock
from models.errors import DataError
from tracker.types import Int64

MAX_FILLED = (
    2_000_000  # largest number of boxes that interpolation adds: a few lines of a file could request any number
)
# (of a key frame, of the boxes between two) by the source of a track, where the boxes do not tell.
BY_SOURCE = {
    "manual": (Provenance.DRAWN, Provenance.FILLED),
    "semi-auto": (Provenance.TRACKED, Provenance.FILLED),
}


@dataclass
class Shape:
    """One box of a track at one frame. From an `outside` one on, the object is not there until the next.

    `between`: how the boxes interpolated after it came about, if otherwise than the box itself.
    """

    where: str
    frame: float
    ltrb: list[float]
    outside: bool = False
    occluded: bool = False
    key: bool = True
    score: float = 1.0
    ignore: bool = False
    filled: bool = False
    provenance: Provenance | None = None
    between: Provenance | None = None
    visibility: float | None = None
    link: float | None = None
    attributes: dict[str, str] = field(default_factory=dict)

    def origin(self, source: str) -> tuple[int | None, int | None]:
        """(of the box, of the boxes interpolated after it), as far as they are known."""
        if self.provenance is not None or self.between is not None:  # unnamed before the first prediction of a run
            told = Provenance.SEEN if self.provenance is None else self.provenance
            return told, told if self.between is None else self.between
        if source not in BY_SOURCE:
            return None, None
        here, after = BY_SOURCE[source]
        return here if self.key else after, after


@dataclass
class ShapeTrack:
    """One track, or a part of it with one class; an id below 0 is a detection, which is not interpolated."""

    id: float
    label: int
    shapes: list[Shape]
    source: str = ""


def rows_of(path: Path, tracks: Sequence[ShapeTrack], clock: Clock) -> tuple[LabelRows, list[str]]:
    """All boxes, also the interpolated ones, and the place of each in the file.

    A track without an end lasts to the last frame.

    Raises:
        DataError: interpolation would add too many boxes.
    """
    rows = RowList()
    found: list[tuple[list[Shape], list[int]]] = []
    between: list[int] = []  # of the boxes interpolated after each row
    for track in tracks:
        at = []  # row index of each shape
        for shape in track.shapes:
            at.append(len(rows.frame))
            if not shape.outside:
                here, after = shape.origin(track.source)
                between.append(UNKNOWN_PROVENANCE if after is None else after)
                seen = shape.visibility
                rows.add(
                    shape.where, shape.frame, track.id, shape.ltrb, track.label, shape.score, shape.ignore,
                    0.0 if seen is None and shape.occluded else seen, filled=shape.filled, link=shape.link,
                    provenance=here, occluded=shape.occluded,
                )  # fmt: skip
        if track.id >= 0:
            found.append((track.shapes, at))
    table, of = _filled(path, found, clock, rows.rows(), np.array(between, np.int64))
    return table, [rows.where[i] for i in of.tolist()]


def _filled(
    path: Path, tracks: list[tuple[list[Shape], list[int]]], clock: Clock, table: LabelRows, between: Int64
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
        longer = table.extended(of, frame, table.ltrb[of] + part * (to - table.ltrb[of]))
    if longer.provenance is not None:
        longer.provenance[len(written) :] = between[of]
    return longer, np.append(written, of)


def absences(shapes: list[Shape], frames: Int64) -> Iterable[tuple[int, int]]:
    """(first, last) frames between two boxes of one track in which it is outside.

    Args:
        shapes: in order of frames, in one frame those outside first.
        frames: (F,) the frames of the source.
    """
    gone: int | None = None
    begun = False
    for shape in shapes:
        if shape.outside:
            gone = int(shape.frame) if begun and gone is None else gone
            continue
        if gone is not None and gone < shape.frame:
            before = int(np.searchsorted(frames, shape.frame)) - 1
            last = int(frames[before]) if before >= 0 else -1
            if last >= gone:
                yield gone, last
        gone, begun = None, True
