"""Which pieces may follow which: within reach, and the nearest in time and place."""

from __future__ import annotations

import numpy as np

from models.runtime.maths import ranges
from tracker.offline.linking.pieces import Pieces
from tracker.offline.recording import Recording
from tracker.types import Bool, Float64, Int64

# Reach of a link in heights: a slack, and a speed in the first second and after it.
SLACK, FIRST_SPEED, LATER_SPEED = 1.5, 3.0, 1.0
MAX_LOG_SIZE = 1.2  # largest difference of log heights
MOST = 12  # candidates kept for each end and for each start
OWN_S = 3.0  # seconds within which the online tracker's own continuation is always kept


def candidate_links(r: Recording, pieces: Pieces, longest: float) -> tuple[Int64, Int64]:
    """(K,) pieces and (K,) later pieces of one class that may continue them, at most `longest` seconds later."""
    end, begin = r.time[pieces.last], r.time[pieces.first]
    low, high = np.searchsorted(begin, end, side="right"), np.searchsorted(begin, end + longest, side="right")
    parts = [_near(r, pieces, part, low, high) for part in _blocks(high - low)]
    earlier = np.concatenate([np.zeros(0, np.int64), *[a for a, _ in parts]])
    later = np.concatenate([np.zeros(0, np.int64), *[b for _, b in parts]])
    dt = begin[later] - end[earlier]
    height, way = _way(r, pieces, earlier, later)
    far = np.log1p(dt / 0.1) + 1.5 * np.log1p(3 * way / height)
    keep = _nearest(earlier, far) | _nearest(later, far)
    track = r.online.track
    keep |= (track[pieces.last[earlier]] == track[pieces.first[later]]) & (dt < OWN_S)
    return earlier[keep], later[keep]


def _blocks(count: Int64, most: int = 2_000_000) -> list[Int64]:
    """The pieces in blocks of at most so many pairs, which bounds the memory."""
    block = np.cumsum(count) // most
    return np.split(np.arange(len(count)), np.flatnonzero(np.diff(block)) + 1) if len(count) else []


def _near(r: Recording, pieces: Pieces, part: Int64, low: Int64, high: Int64) -> tuple[Int64, Int64]:
    """The pairs of some pieces with all later ones that are within reach."""
    count = high[part] - low[part]
    earlier = np.repeat(part, count)
    later = ranges(low[part], count)
    dt = r.time[pieces.first[later]] - r.time[pieces.last[earlier]]
    height, way = _way(r, pieces, earlier, later)
    reach = SLACK + FIRST_SPEED * np.minimum(dt, 1) + LATER_SPEED * np.maximum(dt - 1, 0)
    size = r.coordinates[pieces.first[later], 3] - r.coordinates[pieces.last[earlier], 3]
    good = (way < reach * height) & (np.abs(size) < MAX_LOG_SIZE)
    label = r.detections.label
    good &= label[pieces.last[earlier]] == label[pieces.first[later]]
    return earlier[good], later[good]


def _way(r: Recording, pieces: Pieces, earlier: Int64, later: Int64) -> tuple[Float64, Float64]:
    """(K,) mean heights and (K,) distances of the centres, stabilised pixels."""
    here, there = r.coordinates[pieces.last[earlier]], r.coordinates[pieces.first[later]]
    height: Float64 = np.exp(0.5 * (here[:, 3] + there[:, 3]))
    return height, np.hypot(there[:, 0] - here[:, 0], there[:, 1] - here[:, 1])


def _nearest(group: Int64, far: Float64) -> Bool:
    """(K,) which pairs are among the `MOST` least far of their group."""
    order = np.lexsort((far, group))
    new = np.ones(len(group), bool)
    new[1:] = np.diff(group[order]) != 0
    place = np.arange(len(group))
    first = np.maximum.accumulate(np.where(new, place, 0))
    keep = np.zeros(len(group), bool)
    keep[order] = place - first < MOST
    return keep
