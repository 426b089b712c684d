"""Upper bounds for one frame, so that a broken or malicious detector cannot take all memory and time.

Real crowds stay far below these numbers, so their results do not change.
"""

from __future__ import annotations

import numpy as np

from models.runtime.arrays import Float32, Float64, Int64

MAX_BOXES = 1000  # most detections of one frame; those with the highest scores are kept
MAX_TRACKS = 3000  # most tracks alive; from this number no track starts
MAX_PAIRS = 150_000  # most pairs of tracks and detections that are scored in one frame


def strongest(score: Float32 | Float64, most: int = MAX_BOXES) -> Int64:
    """(min(N, most),) rows of the highest scores (N,), in their original order."""
    if len(score) <= most:
        return np.arange(len(score))
    best: Int64 = np.sort(np.argsort(-score, kind="stable")[:most])
    return best


def nearest(track: Int64, distance: Float64, most: int = MAX_PAIRS) -> Int64:
    """Rows of the pairs (K,) to keep where there are too many: the nearest of each track, the same number for all.

    Args:
        track: (K,) the track of each pair.
        distance: (K,) between its track and its detection, any unit.
        most: largest number of pairs to keep.
    """
    order = np.lexsort((distance, track))
    sorted_ = track[order]
    first = np.flatnonzero(np.concatenate([[True], sorted_[1:] != sorted_[:-1]]))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    kept: Int64 = np.sort(order[rank < max(1, most // len(first))])
    return kept
