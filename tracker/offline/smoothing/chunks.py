"""The order in which tracks are smoothed: chunks of them side by side, in steps over the k-th sighting of each.

Long tracks are cut into chunks that overlap: what is `MARGIN` sightings away no longer matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from models.runtime.maths import ranges
from tracker.offline.smoothing.sightings import Queries, Sightings
from tracker.types import Bool, Int64

CORE, MARGIN = 384, 64  # sightings of a chunk that are kept, and those before and after it that only inform them
BATCH = 32_000  # sightings that are smoothed at once; bounds the memory


class TrackBatch(NamedTuple):
    """Some chunks, longest first. `row` lists their sightings step by step: the k-th of every chunk that has one."""

    row: Int64  # (R,) sighting
    chunk: Int64  # (R,)
    start: Int64  # (S + 1,) where each step begins in `row`
    core: Bool  # (R,) whether the result is kept
    first: Int64  # (B,) first sighting of each chunk
    query: Int64  # (P,) queries
    before: Int64  # (P,) position in `row` of the sighting before
    later: Int64  # (P,) and after


def batches(sightings: Sightings, queries: Queries) -> Iterator[TrackBatch]:
    """All chunks, in batches of similar length."""
    n = len(sightings)
    if n == 0:
        return
    begin = np.flatnonzero(np.diff(sightings.track, prepend=sightings.track[0] - 1))
    length = np.diff(begin, append=n)
    pieces = -(-length // CORE)
    of = np.repeat(np.arange(len(begin)), pieces)
    turn = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start, end = begin[of], begin[of] + length[of]
    low, high = start + turn * CORE, np.minimum(start + (turn + 1) * CORE, end)  # the core
    first, last = np.maximum(low - MARGIN, start), np.minimum(high + MARGIN, end)
    asked_low, asked_high = np.searchsorted(queries.after, low), np.searchsorted(queries.after, high)
    order = np.argsort(first - last, kind="stable")  # longest first
    group = np.cumsum((last - first)[order]) // BATCH
    for some in np.split(order, np.flatnonzero(np.diff(group)) + 1):
        steps = (last - first)[some]
        count = np.searchsorted(-steps, -np.arange(steps[0]), side="left")  # chunks of more than k sightings
        begins = np.concatenate([[0], np.cumsum(count)])
        step = np.repeat(np.arange(len(count)), count)
        chunk = np.arange(len(step)) - begins[step]
        row = first[some][chunk] + step
        core = (row >= low[some][chunk]) & (row < high[some][chunk])
        kept = np.flatnonzero(core)
        kept = kept[np.argsort(row[kept], kind="stable")]
        asked = ranges(asked_low[some], (asked_high - asked_low)[some])
        before = kept[np.searchsorted(row[kept], queries.after[asked])]
        later = begins[np.minimum(step[before] + 1, len(count))] + chunk[before]
        yield TrackBatch(row, chunk, begins, core, first[some], asked, before, later)
