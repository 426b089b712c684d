"""Linear assignment: the best one-to-one matching of tracks and detections, from log-odds of the possible pairs.

The optimum is that of Jonker & Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
assignment problems", Computing 38, 1987, by the package `lap`; pairs without a rival are matched before it.
"""

from __future__ import annotations

import lap
import numpy as np

from tracker.types import Float64, Int64

Match = tuple[Int64, Int64]


def assign(rows: Int64, columns: Int64, gain: Float64) -> Match:
    """The one-to-one matching with the largest sum of gains; only pairs with a gain above 0 match.

    Args:
        rows, columns: (K,) the possible pairs, each at most once.
        gain: (K,) the log-odds of each pair above the threshold.

    Returns:
        The matched rows and columns.
    """
    good = (gain > 0).nonzero()[0]
    rows, columns, gain = rows.take(good), columns.take(good), gain.take(good)
    if len(rows) == 0:
        return rows, columns
    # A pair that is alone in its row and column is matched already. In most frames that is nearly all pairs.
    in_row, in_column = np.bincount(rows), np.bincount(columns)
    alone = in_row.take(rows) + in_column.take(columns) == 2
    open_ = (~alone).nonzero()[0]
    if len(open_) == 0:
        return rows, columns
    row_names, i = _dense(rows.take(open_), len(in_row))
    column_names, j = _dense(columns.take(open_), len(in_column))
    cost = np.zeros((len(row_names), len(column_names)))
    cost[i, j] = -gain.take(open_)
    # No match costs 0, as does an impossible pair, so the cheapest full matching is the best partial matching.
    to, _ = lap.lapjv(cost, extend_cost=True, return_cost=False)
    r = (to >= 0).nonzero()[0]
    c = to.take(r)
    real = cost[r, c] < 0
    r, c = r[real], c[real]
    return np.concatenate([rows[alone], row_names[r]]), np.concatenate([columns[alone], column_names[c]])


def _dense(numbers: Int64, end: int) -> tuple[Int64, Int64]:
    """The distinct numbers below `end`, sorted, and the index of each input among them: `np.unique` without a sort."""
    place = np.zeros(end, np.int64)
    place[numbers] = 1
    names = place.nonzero()[0]
    place[names] = np.arange(len(names))
    return names, place.take(numbers)
