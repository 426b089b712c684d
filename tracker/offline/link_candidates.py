"""Which pieces can follow which, by time alone, in bounded number."""

from __future__ import annotations

import numpy as np

from tracker.offline.components import Grouped
from tracker.types import Float64, Int64

MOST_FOLLOWERS = 64  # candidates that a piece has at most
MOST_PAIRS = 4_000_000  # of a recording: 100 MB; with more than 60,000 pieces each has fewer candidates


def candidate_pairs(
    first: Int64, last: Int64, times: Float64, max_absence: float, most: int = MOST_FOLLOWERS
) -> tuple[Int64, Int64]:
    """The pairs (earlier, later) of pieces with an absence of at most `max_absence` seconds between them.

    Each piece keeps the `most` followers that start soonest after it ends, and no more than `MOST_PAIRS` pairs are made
    of all pieces together.

    Args:
        first, last: (P,) index into `times` of the first and last frame of each piece.
        times: (F,) seconds.
        max_absence: seconds from the last detection of a piece to the first one of its follower.
        most: candidates of each piece.
    """
    pieces = len(first)
    most = max(min(most, MOST_PAIRS // max(pieces, 1)), 1)
    by_start = Grouped.of(first, len(times)) if pieces else Grouped(first, np.zeros(len(times) + 1, np.int64))
    soonest = by_start.begin.take(last + 1)
    latest = by_start.begin.take(np.searchsorted(times, times.take(last) + max_absence, side="right"))
    count = np.minimum(latest - soonest, most)
    earlier = np.repeat(np.arange(pieces), count)
    within = np.arange(len(earlier)) - (np.cumsum(count) - count).take(earlier)
    return earlier, by_start.order.take(soonest.take(earlier) + within)
