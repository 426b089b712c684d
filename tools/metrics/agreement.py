"""Agreement of two annotators, or of two versions of the tracks of one recording: scores, and where they differ.

Boxes are matched frame by frame (IoU of at least 0.5, the best sum), and tracks one to one, by the number of frames
that they share, as for IDF1. A box that matches none is compared with its track's partner in that frame: either both
are there and lie apart, or one of them is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from datasets.formats.annotations import Annotations
from models.errors import DataError
from tools.metrics.mot import scores_of
from tracker.association.assignment import assign
from tracker.boxes import overlaps
from tracker.types import Bool, Float64, Int64

HIT = 0.5  # IoU from which two boxes are one object's
GAP_S = 0.5  # seconds within which two stretches of one difference are one
GAP_FRAMES = 12  # the same for recordings without times
NOBODY = -1
KINDS = {
    "missed in A": "B has a box where A has none",
    "missed in B": "A has a box where B has none",
    "identity": "matched boxes belong to tracks that are not partners",
    "box": "the boxes of partners overlap by less than an IoU of 0.5",
    "class": "matched boxes have different classes",
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One stretch of frames in which A and B differ in the same way.

    Attributes:
        kind: one of `KINDS`.
        a, b: ids of the tracks in A and in B; -1 where there is none.
        frame: the frame to look at first, the source's frame number.
        first, last: first and last frame.
        boxes: boxes concerned.
        seconds: how long these boxes are shown; None where times are unknown.
    """

    kind: str
    a: int
    b: int
    frame: int
    first: int
    last: int
    boxes: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far A and B agree.

    Attributes:
        hota, idf1: percent, the same either way round.
        partners: id in A -> id in B, one to one, of tracks that share frames.
        differences: in order of their first frames.
    """

    hota: float
    idf1: float
    partners: dict[int, int]
    differences: tuple[Disagreement, ...]


def agreement(a: Annotations, b: Annotations) -> Agreement:
    """Compares the tracks of A and B; boxes to ignore do not count.

    Raises:
        ConfigError: TrackEval is not installed.
        DataError: boxes have no ids, or the frames have different times.
    """
    for name, side in (("A", a), ("B", b)):
        if (side.id < 0).any():
            raise DataError(f"{name} has boxes without an id (-1); agreement is about tracks, so track them first.")
    a, b = (side.take(~side.ignore) if side.ignore.any() else side for side in (a, b))
    frames, times = _frames(a, b)
    scores = scores_of(a, b)
    partner = _matched(a, b, frames)
    partners = _partners(a.id, b.id, partner)
    found = _differences(a, b, frames, partner, partners)
    stretches = [stretch for rows in found for stretch in _stretches(*rows, frames, times)]
    stretches.sort(key=lambda one: (one.first, one.kind, one.a, one.b))
    return Agreement(scores.hota, scores.idf1, partners, tuple(stretches))


def _frames(a: Annotations, b: Annotations) -> tuple[Int64, Float64 | None]:
    """All frames of both, and their times.

    Raises:
        DataError: a frame has different times.
    """
    frames: Int64 = np.union1d(a.frames, b.frames)
    if a.times is None or b.times is None:
        one = a if a.times is not None else b
        if one.times is None or len(one.frames) < len(frames):
            return frames, None
        return frames, one.times
    times = np.full(len(frames), np.nan)
    times[np.searchsorted(frames, b.frames)] = b.times
    at = np.searchsorted(frames, a.frames)
    apart = np.abs(times[at] - a.times)
    if (apart > GAP_S).any():
        k = int(np.nanargmax(apart))
        raise DataError(
            f"frame {a.frames[k]} is at {a.times[k]:.3f} s in A and at {times[at][k]:.3f} s in B; "
            "give tracks of the same recording."
        )
    times[at] = a.times
    return frames, times


def _matched(a: Annotations, b: Annotations, frames: Int64) -> Int64:
    """(N,) row of B that each row of A matches; -1 without one."""
    partner = np.full(len(a), NOBODY, np.int64)
    in_a, in_b = (np.searchsorted(side.frames[side.row], np.append(frames, frames[-1:] + 1)) for side in (a, b))
    for k in np.flatnonzero((np.diff(in_a) > 0) & (np.diff(in_b) > 0)).tolist():
        mine, theirs = slice(in_a[k], in_a[k + 1]), slice(in_b[k], in_b[k + 1])
        overlap = overlaps(a.xyxy[mine].astype(np.float64), b.xyxy[theirs].astype(np.float64))
        rows, columns = (overlap >= HIT).nonzero()
        rows, columns = assign(rows, columns, overlap[rows, columns])
        partner[mine.start + rows] = theirs.start + columns
    return partner


def _partners(a_id: Int64, b_id: Int64, partner: Int64) -> dict[int, int]:
    """The track of B that belongs to each of A: most matched frames over all."""
    hit = partner >= 0
    both, count = np.unique(np.stack([a_id[hit], b_id[partner[hit]]], axis=1), axis=0, return_counts=True)
    if not len(both):
        return {}
    mine, row = np.unique(both[:, 0], return_inverse=True)
    theirs, column = np.unique(both[:, 1], return_inverse=True)
    row, column = assign(row.astype(np.int64), column.astype(np.int64), count.astype(np.float64))
    return dict(zip(mine[row].tolist(), theirs[column].tolist(), strict=True))


Rows = tuple[str, Int64, Int64, Int64]  # kind; position in the frames, id in A, id in B of each box


def _differences(
    a: Annotations, b: Annotations, frames: Int64, partner: Int64, partners: dict[int, int]
) -> Iterator[Rows]:
    """The boxes that differ, by kind."""
    a_frame, b_frame = (np.searchsorted(frames, side.frames)[side.row] for side in (a, b))
    wanted = np.array([partners.get(id, NOBODY) for id in a.id.tolist()], np.int64)
    hit = partner >= 0
    matched = partner[hit]
    other: Bool = b.id[matched] != wanted[hit]
    yield "identity", a_frame[hit][other], a.id[hit][other], b.id[matched][other]
    names = {name: k for k, name in enumerate(dict.fromkeys((*a.names, *b.names)))}
    a_kind, b_kind = (np.array([names[name] for name in side.names])[side.label] for side in (a, b))
    classed: Bool = a_kind[hit] != b_kind[matched]
    yield "class", a_frame[hit][classed], a.id[hit][classed], b.id[matched][classed]
    alone = np.ones(len(b), bool)
    alone[matched] = False
    rows, theirs = np.flatnonzero(~hit), np.flatnonzero(alone)
    place = {key: k for k, key in enumerate(zip(b_frame[theirs].tolist(), b.id[theirs].tolist(), strict=True))}
    beside = np.array(
        [place.get(key, NOBODY) for key in zip(a_frame[rows].tolist(), wanted[rows].tolist(), strict=True)], np.int64
    )
    apart = beside >= 0
    yield "box", a_frame[rows[apart]], a.id[rows[apart]], b.id[theirs[beside[apart]]]
    only_a = rows[~apart]
    yield "missed in B", a_frame[only_a], a.id[only_a], wanted[only_a]
    only_b = np.delete(theirs, beside[apart])
    back = {there: here for here, there in partners.items()}
    here = np.array([back.get(id, NOBODY) for id in b.id[only_b].tolist()], np.int64)
    yield "missed in A", b_frame[only_b], here, b.id[only_b]


def _stretches(
    kind: str, at: Int64, a: Int64, b: Int64, frames: Int64, times: Float64 | None
) -> Iterator[Disagreement]:
    """One difference for each run of frames of the same tracks."""
    if not len(at):
        return
    order = np.lexsort((at, b, a))
    at, a, b = at[order], a[order], b[order]
    new: Bool = (np.diff(a) != 0) | (np.diff(b) != 0)
    new |= np.diff(at) > GAP_FRAMES if times is None else (np.diff(times[at]) > GAP_S) & (np.diff(at) > 1)
    lasting = None
    if times is not None:
        step = np.diff(times)
        lasting = np.append(step, np.median(step) if len(step) else 0.0)
    begins = [0, *(np.flatnonzero(new) + 1).tolist()]
    for begin, end in zip(begins, [*begins[1:], len(at)], strict=True):
        rows = at[begin:end]
        first, last = int(frames[rows[0]]), int(frames[rows[-1]])
        seconds = None if lasting is None else float(lasting[rows].sum())
        yield Disagreement(kind, int(a[begin]), int(b[begin]), first, first, last, end - begin, seconds)


def longest(found: Agreement, most: int) -> Agreement:
    """The same with the differences that last longest, at most `most`, in order of their first frames."""
    if len(found.differences) <= most:
        return found
    by_length = sorted(found.differences, key=lambda one: (-(one.seconds or 0.0), -one.boxes, one.first))
    kept = sorted(by_length[:most], key=lambda one: (one.first, one.kind, one.a, one.b))
    return replace(found, differences=tuple(kept))
