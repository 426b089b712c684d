"""Intervals of frames, first..last with both ends in them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from datasets.projects.slots import Slots
from tracker.types import Int64

Intervals = tuple[tuple[int, int], ...]


def cut_intervals(intervals: Iterable[tuple[int, int]], first: int, last: int) -> Intervals:
    """The intervals without first..last."""
    found = []
    for low, high in intervals:
        found += [(a, b) for a, b in ((low, min(high, first - 1)), (max(low, last + 1), high)) if a <= b]
    return tuple(found)


def join_intervals(intervals: Iterable[tuple[int, int]]) -> Intervals:
    """The union, sorted and apart."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(intervals):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return tuple(found)


def runs(frames: Int64) -> list[tuple[int, int]]:
    """Rising frames as intervals."""
    if not len(frames):
        return []
    cut = np.flatnonzero(np.diff(frames) > 1)
    first, last = frames[np.concatenate([[0], cut + 1])], frames[np.concatenate([cut, [len(frames) - 1]])]
    return list(zip(first.tolist(), last.tolist(), strict=True))


def without_rows(intervals: Intervals, rows: Slots) -> Intervals:
    """The intervals without the frames in which there is a row."""
    found: list[tuple[int, int]] = []
    for first, last in intervals:
        found += runs(np.setdiff1d(np.arange(first, last + 1), rows.between(first, last).frame))
    return tuple(found)
