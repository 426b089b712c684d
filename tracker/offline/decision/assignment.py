"""Which piece follows which: the one-to-one linking with the largest sum of log-odds.

With a free start and end for each piece, linking pieces in time is one linear assignment of ends to starts. A pair
whose log-odds do not exceed those of a free end and start never links. A pair that is worth more than the best other
pair of its end and the best other pair of its start together links in every optimum. Few pairs are left after these two
rules; their connected components are solved one by one (Jonker & Volgenant, Computing 38, 1987, by the package `lap`).
The linking of a component depends on its own pairs alone, so solving a part again gives the same as solving everything.
"""

from __future__ import annotations

from itertools import pairwise

import lap
import numpy as np
from numpy.typing import NDArray

from tracker.offline.decision.components import connected_components
from tracker.offline.decision.problem import LinkProblem
from tracker.types import Float64, Int64

Int32 = NDArray[np.int32]

DENSE_CELLS = 40_000  # largest cost matrix that is solved as a whole; larger ones are solved as sparse
DOMINANCE_ROUNDS = 50  # each pass links what became certain by the last; what is left goes to the solver


def best_linking(problem: LinkProblem) -> Int64:
    """(P,) the piece that follows each in the optimum, -1 for none. Deterministic, also between equal optima."""
    follower = np.full(len(problem), -1)
    chosen = best_pairs(problem.earlier, problem.later, problem.gain)
    follower[problem.earlier.take(chosen)] = problem.later.take(chosen)
    return follower


def best_pairs(earlier: Int64, later: Int64, gain: Float64) -> Int64:
    """The pairs of the one-to-one linking with the largest sum of gains; only pairs with a gain above 0 link.

    Args:
        earlier, later: (K,) the pieces of each pair.
        gain: (K,) log-odds beyond those of "none"; inf for a pair that must link, -inf for all others of its pieces.

    Returns:
        Indices of the linked pairs.
    """
    pair = (gain > 0).nonzero()[0]
    pair = pair.take(np.lexsort((later.take(pair), earlier.take(pair))))  # the order of the input decides nothing
    a, b, g = earlier.take(pair), later.take(pair), gain.take(pair)
    chosen = []
    for _ in range(DOMINANCE_ROUNDS):
        if len(pair) == 0:
            break
        sure = (g > _best_other(a, g) + _best_other(b, g)).nonzero()[0]
        if len(sure) == 0:
            break
        chosen.append(pair.take(sure))
        ended, started = np.zeros(a.max() + 1, bool), np.zeros(b.max() + 1, bool)
        ended[a.take(sure)] = started[b.take(sure)] = True
        left = (~(ended.take(a) | started.take(b))).nonzero()[0]
        pair, a, b, g = pair.take(left), a.take(left), b.take(left), g.take(left)
    if len(pair):
        chosen.append(pair.take(_by_component(a, b, g)))
    return np.concatenate(chosen) if chosen else pair


def _by_component(a: Int64, b: Int64, gain: Float64) -> Int64:
    """As `best_pairs`, for pairs sorted by (a, b) whose gains are above 0."""
    a, b = np.unique(a, return_inverse=True)[1], np.unique(b, return_inverse=True)[1]
    ends = int(a.max()) + 1
    root = connected_components(ends + int(b.max()) + 1, a, b + ends).take(a)
    order = np.argsort(root, kind="stable")
    begins = np.flatnonzero(np.r_[True, np.diff(root.take(order)) > 0, True]).tolist()
    chosen = []
    for begin, end in pairwise(begins):
        part = order[begin:end]
        chosen.append(part.take(_one_component(a.take(part), b.take(part), gain.take(part))))
    return np.concatenate(chosen)


def _one_component(a: Int64, b: Int64, gain: Float64) -> Int64:
    """As `best_pairs`, for the pairs of one component, sorted by (a, b)."""
    a_names, i = np.unique(a, return_inverse=True)
    b_names, j = np.unique(b, return_inverse=True)
    rows, columns = len(a_names), len(b_names)
    if rows == 1 or columns == 1:
        return np.array([gain.argmax()])
    if rows * columns <= DENSE_CELLS:
        cost = np.zeros((rows, columns))
        cost[i, j] = -gain  # no link costs 0, as does an impossible pair
        to, _ = lap.lapjv(cost, extend_cost=True, return_cost=False)
    else:
        to, _ = lap.lapmod(rows + columns, *_with_free_ends(i, j, gain, rows, columns), return_cost=False)
    linked: Int64 = (to.take(i) == j).nonzero()[0]
    return linked


def _with_free_ends(i: Int64, j: Int64, gain: Float64, rows: int, columns: int) -> tuple[Float64, Int32, Int32]:
    """The sparse square problem whose optimum is the best partial matching: costs, begin of each row, columns.

    Each end gets a column of its own for "none", each start a row of its own. Where an end and a start are linked, the
    two are matched to each other.
    """
    most = gain.max()
    free = np.arange(rows), columns + np.arange(rows), np.full(rows, most)
    free_start = rows + np.arange(columns), np.arange(columns), np.zeros(columns)
    mirror = rows + j, columns + i, np.zeros(len(i))
    row, column, cost = (
        np.concatenate(part) for part in zip((i, j, most - gain), free, free_start, mirror, strict=True)
    )
    order = np.lexsort((column, row))
    begin = np.zeros(rows + columns + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=rows + columns), out=begin[1:])
    return cost.take(order), begin, column.take(order).astype(np.int32)


def _best_other(group: Int64, gain: Float64) -> Float64:
    """(K,) the largest gain of the other pairs of the same group; 0 without another."""
    n = int(group.max()) + 1
    best, second = np.zeros(n), np.zeros(n)
    np.maximum.at(best, group, gain)
    top = np.full(n, -1)
    at = (gain == best.take(group)).nonzero()[0]
    top[group.take(at)] = at
    rest = np.ones(len(gain), bool)
    rest[top[top >= 0]] = False
    np.maximum.at(second, group[rest], gain[rest])
    return np.where(rest, best.take(group), second.take(group))
