"""Upper bounds for one frame, so that a broken or malicious detector cannot take all memory and time.

Real crowds stay far below these numbers: for them nothing changes.
"""

from __future__ import annotations

import numpy as np

from models.runtime.arrays import Float32, Float64, Int64

MAX_BOXES = 1000  # detections of one frame that are looked at, the highest scores first
MAX_TRACKS = 3000  # tracks alive, from which on none begins
MAX_PAIRS = 150_000  # of tracks and detections that are compared in one frame


def strongest(score: Float32 | Float64, most: int = MAX_BOXES) -> Int64:
    """(min(N, most),) rows of the highest scores (N,), in their own order."""
    if len(score) <= most:
        return np.arange(len(score))
    best: Int64 = np.sort(np.argsort(-score, kind="stable")[:most])
    return best


def nearest(track: Int64, distance: Float64, most: int = MAX_PAIRS) -> Int64:
    """Rows of the pairs (K,) to keep when there are too many: the nearest ones of each track, the same number for all.

    Args:
        track: (K,) the track of each pair.
        distance: (K,) of its track and its detection, any unit.
        most: pairs that may be kept.
    """
    order = np.lexsort((distance, track))
    sorted_ = track[order]
    first = np.flatnonzero(np.concatenate([[True], sorted_[1:] != sorted_[:-1]]))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    kept: Int64 = np.sort(order[rank < max(1, most // len(first))])
    return kept
