"""Boxes between two rows of a track, by the smoother of whole tracks: exact where a person drew or confirmed a box.

Rows from the tracker are measurements: they inform what is filled, with the noise of their score, and stay as they are.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from datasets.projects.slots import Slots
from datasets.projects.types import Path, Provenance, Track, concatenate
from tracker.boxes import to_xyxy
from tracker.offline.smoothing.measurement import noise_factor
from tracker.offline.smoothing.modes import BANK
from tracker.offline.smoothing.sightings import Queries, Sightings
from tracker.offline.smoothing.smoother import smooth
from tracker.types import Float32, Float64, Int64

CONTEXT = 24  # rows on each side that inform the motion: those further away no longer matter
BATCH = 4096  # boxes that are computed at once; bounds the memory
EXACT = 1e-3  # factor on the noise of a box that a person drew or confirmed


def boxes_between(known: Path, frame: Int64, times: Float64) -> Float32:
    """(Q, 4) boxes in frames (Q,) between rows of one track.

    Args:
        known: rows of the track, at least two, with one before and one after each frame asked for.
        frame: (Q,) rising, none of them a frame of `known`.
        times: (F,) seconds of all frames.
    """
    time = times[known.frame]
    track = np.ones(len(known), np.int64)
    noise = np.where(known.key, EXACT, noise_factor(track, time, known.score.astype(np.float64)))
    sightings = Sightings(track, time, known.frame, known.xyxy.astype(np.float64), np.repeat(noise[:, None], 4, axis=1))
    boxes = np.empty((len(frame), 4), np.float32)
    for low in range(0, len(frame), BATCH):
        asked = frame[low : low + BATCH]
        queries = Queries(np.searchsorted(known.frame, asked) - 1, times[asked], asked)
        boxes[low : low + BATCH] = to_xyxy(smooth(sightings, queries, BANK).query_mean)
    return boxes


def fill_between(slots: Slots, first: int, last: int, frame: Int64, times: Float64) -> Slots:
    """The slots with computed boxes in some frames between two rows.

    Args:
        slots: the track.
        first, last: frames of the two rows. Both count as known, also where they were computed themselves.
        frame: (Q,) frames between them, rising; what was computed there before is replaced.
        times: (F,) seconds of all frames.
    """
    if not len(frame):
        return slots
    before, after = slots.last_rows(first + 1, 2 * CONTEXT), slots.first_rows(last, 2 * CONTEXT)
    left = before.take(_informing(before, range(len(before) - 1, -1, -1)))
    right = after.take(_informing(after, range(len(after))))
    old = slots.between(first + 1, last - 1)
    known = np.isin(old.frame, frame)
    hidden = old.frame[known & old.occluded]
    rows = Path.of(
        frame,
        boxes_between(concatenate([left, right]), frame, times),
        min(left.score[-1], right.score[0]),
        Provenance.FILLED,
        np.isin(frame, hidden),
        right.link[0],
    )
    return slots.with_rows(rows)


def _informing(rows: Path, outwards: range) -> list[int]:
    """Which rows beyond an end of what is filled say something of the motion, that end included; rising.

    A machine's box right beside one that a person made may be what the person corrected: it says nothing.
    """
    frame, key, computed = rows.frame.tolist(), rows.key.tolist(), rows.computed.tolist()
    found = [outwards[0]]
    trusted = not key[outwards[0]]
    for at, k in pairwise(outwards):
        trusted = trusted or computed[k] or abs(frame[k] - frame[at]) > 1
        if key[k] or (trusted and not computed[k]):
            found.append(k)
        trusted = trusted and not key[k]
    return sorted(found[:CONTEXT])


def refill(track: Track, slots: Slots, frame: int, times: Float64, gaps: bool) -> Slots:
    """The slots with what lies between the row of a frame and the rows next to it computed again.

    Nothing is computed across an absence. A computed row without any other row beyond it, because the track ends there
    or an absence begins, counts as known.

    Args:
        track: what is said of the track.
        slots: its rows, with one in `frame`.
        frame: the row that has changed.
        times: (F,) seconds of all frames.
        gaps: whether to fill also frames without a row.
    """
    first, last = bounds(track, frame)
    low, high = slots.anchor_before(frame), slots.anchor_after(frame)
    if low < first:
        row = slots.first_rows(first, 1)
        low = int(row.frame[0])
    if high > last or high < 0:
        row = slots.last_rows(min(last, len(times) - 1) + 1, 1)
        high = int(row.frame[0])
    for start, end in ((low, frame), (frame, high)):
        if end - start > 1:
            slots = fill_between(slots, start, end, open_frames(slots, start, end, gaps), times)
    return slots


def open_frames(slots: Slots, first: int, last: int, gaps: bool) -> Int64:
    """The frames between two rows that hold a computed one, and with `gaps` those that hold none."""
    rows = slots.between(first + 1, last - 1)
    if gaps:
        frames: Int64 = np.setdiff1d(np.arange(first + 1, last), rows.frame[~rows.computed])
        return frames
    computed: Int64 = rows.frame[rows.computed]
    return computed


def bounds(track: Track, frame: int) -> tuple[int, int]:
    """The first and the last frame around one that no absence separates from it."""
    first = max((end + 1 for _, end in track.absences if end < frame), default=0)
    last = min((start - 1 for start, _ in track.absences if start > frame), default=int(np.iinfo(np.int64).max) - 1)
    return first, last
