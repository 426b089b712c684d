"""The order in which tracks are smoothed: chunks of them side by side, in steps over the k-th sighting of each.

Long tracks are cut into chunks that overlap: what is `MARGIN` sightings away no longer matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tracker.offline.sightings import Queries, Sightings
from tracker.types import Int64

CORE, MARGIN = 384, 64  # sightings of a chunk that are kept, and those before and after it that only inform them
BATCH = 16_000  # sightings that are smoothed at once; bounds the memory


class Batch(NamedTuple):
    """Some chunks, longest first. `row` lists their sightings step by step: the k-th of every chunk that has one."""

    row: Int64  # (R,) sighting
    chunk: Int64  # (R,)
    start: Int64  # (S + 1,) where each step begins in `row`
    core: Int64  # (R,) 1 where the result is kept
    track: Int64  # (B,) the track of each chunk, numbered from 0
    first: Int64  # (B,) first sighting of each chunk
    query: Int64  # (P,) queries
    before: Int64  # (P,) position in `row` of the sighting before
    later: Int64  # (P,) and after


def batches(sightings: Sightings, queries: Queries) -> Iterator[Batch]:
    """All chunks, in batches of whole tracks of similar length."""
    n = len(sightings)
    if n == 0:
        return
    begin = np.flatnonzero(np.diff(sightings.track, prepend=sightings.track[0] - 1))
    length = np.diff(begin, append=n)
    first_query = np.searchsorted(queries.after, np.append(begin, n))
    order = np.argsort(-length, kind="stable")
    group = (np.cumsum(length[order]) - length[order]) // BATCH
    for tracks in np.split(order, np.flatnonzero(np.diff(group)) + 1):
        pieces = np.maximum(-(-length[tracks] // CORE), 1)
        of = np.repeat(np.arange(len(tracks)), pieces)
        turn = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        origin, size = begin[tracks][of], length[tracks][of]
        low, high = turn * CORE, np.minimum((turn + 1) * CORE, size)  # the core
        first, last = np.maximum(low - MARGIN, 0), np.minimum(high + MARGIN, size)
        longest = np.argsort(first - last, kind="stable")
        of, origin, low, high, first, last = (v[longest] for v in (of, origin, low, high, first, last))
        steps = last - first
        count = np.searchsorted(-steps, -np.arange(steps[0]), side="left")  # chunks of more than k sightings
        start = np.concatenate([[0], np.cumsum(count)])
        step = np.repeat(np.arange(len(count)), count)
        chunk = np.arange(len(step)) - start[step]
        place = first[chunk] + step
        row = origin[chunk] + place
        core = ((place >= low[chunk]) & (place < high[chunk])).astype(np.int64)
        kept = np.flatnonzero(core)
        kept = kept[np.argsort(row[kept], kind="stable")]
        asked = ranges(first_query[tracks], first_query[tracks + 1])
        before = kept[np.searchsorted(row[kept], queries.after[asked])]
        later = start[np.minimum(step[before] + 1, len(count))] + chunk[before]
        yield Batch(row, chunk, start, core, of, origin + first, asked, before, later)


def ranges(low: Int64, high: Int64) -> Int64:
    """All numbers of the ranges low[i]:high[i], one after the other."""
    size = high - low
    found: Int64 = np.arange(size.sum()) + np.repeat(low - (np.cumsum(size) - size), size)
    return found
