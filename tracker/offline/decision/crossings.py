"""Crossings: two links whose pieces can also be linked the other way round, decided together.

Of two ends and two starts, keep or swap is one decision: its log-odds are the sum of both links' log-odds minus the sum
of the two swapped ones. Each link alone may look certain where the crossing is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from tracker.offline.decision.marginals import PairGraph, end_messages
from tracker.types import Float64, Int64

BLOCK = 4  # most links that are enumerated together: 209 linkings
COUPLED = 8.0  # log-odds of keep over swap above which a crossing is certain
LEAST_LOG = -1e4  # in place of the logarithm of 0


@dataclass(frozen=True, eq=False, slots=True)
class Crossings:
    """C pairs of chosen links that can be swapped.

    Attributes:
        first, second: (C,) indices of the two chosen pairs, by the order of their ends.
        first_swapped, second_swapped: (C,) indices of the pairs from the end of `first` to the start of `second`, and
            from the end of `second` to the start of `first`.
        log_odds: (C,) of keeping both over swapping them, at least 0 in an optimum.
    """

    first: Int64
    second: Int64
    first_swapped: Int64
    second_swapped: Int64
    log_odds: Float64

    @property
    def swap_probability(self) -> Float64:
        """(C,) that the two are swapped, if one of both ways is right: 0 to 0.5 in an optimum."""
        return np.asarray(1 / (1 + np.exp(np.minimum(self.log_odds, 700))))


def find_pairs(earlier: Int64, later: Int64, wanted_earlier: Int64, wanted_later: Int64, pieces: int) -> Int64:
    """The index of each wanted pair among the pairs, -1 where it is none of them."""
    if len(earlier) == 0:
        return np.full(len(wanted_earlier), -1)
    key, wanted = earlier * pieces + later, wanted_earlier * pieces + wanted_later
    order = np.arange(len(key)) if (key[1:] > key[:-1]).all() else np.argsort(key)
    at = order.take(np.minimum(np.searchsorted(key, wanted, sorter=order), len(key) - 1))
    return np.where(key.take(at) == wanted, at, -1)


def find_crossings(earlier: Int64, later: Int64, gain: Float64, follower: Int64) -> Crossings:
    """All crossings of the chosen links.

    Args:
        earlier, later: (K,) the pieces of each pair.
        gain: (K,) log-odds of each pair; -inf where it cannot link.
        follower: (P,) the piece that follows each, -1 for none.
    """
    pieces = len(follower)
    chosen = np.full(pieces, -1)  # pair that leads from each piece
    into = np.full(pieces, -1)  # pair that leads into each piece
    link = (follower.take(earlier) == later).nonzero()[0]
    chosen[earlier.take(link)] = into[later.take(link)] = link
    first, second = chosen.take(earlier), into.take(later)
    swapped = ((first >= 0) & (second >= 0) & (first != second) & (gain > -np.inf)).nonzero()[0]
    first, second = first.take(swapped), second.take(swapped)
    once = (earlier.take(first) < earlier.take(second)).nonzero()[0]
    swapped, first, second = swapped.take(once), first.take(once), second.take(once)
    back = find_pairs(earlier, later, earlier.take(second), later.take(first), pieces)
    good = ((back >= 0) & (gain.take(back) > -np.inf)).nonzero()[0]
    swapped, first, second, back = (part.take(good) for part in (swapped, first, second, back))
    odds = gain.take(first) + gain.take(second) - gain.take(swapped) - gain.take(back)
    return Crossings(first, second, swapped, back, odds)


def with_crossings(graph: PairGraph, back: Float64, bare: Float64, crossings: Crossings) -> Float64:
    """(K,) the probability of each pair, with crossings enumerated.

    Args:
        graph: the pairs.
        back: (K,) their messages.
        bare: (K,) their marginals by belief propagation alone.
        crossings: those of the optimum.
    """
    doubtful = crossings.log_odds < COUPLED
    blocks = _blocks(crossings.first[doubtful], crossings.second[doubtful], crossings.log_odds[doubtful])
    pieces = len(graph.by_end.begin) - 1
    there = end_messages(graph, back)
    result, weighed = bare.copy(), graph.odds * back
    ends, starts = graph.earlier, graph.later
    for size, links in blocks.items():  # links (B, size)
        rows, columns = ends.take(links), starts.take(links)
        shape = (len(links), size, size)
        pair = find_pairs(
            ends,
            starts,
            np.broadcast_to(rows[:, :, None], shape).ravel(),
            np.broadcast_to(columns[:, None, :], shape).ravel(),
            pieces,
        )
        inside = pair[pair >= 0]
        out_row, out_column = weighed.copy(), there.copy()
        out_row[inside] = out_column[inside] = 0
        free_row = 1 + np.bincount(ends, out_row, pieces)
        free_column = 1 + np.bincount(starts, out_column, pieces)
        odds = np.where(pair >= 0, graph.odds.take(pair), 0).reshape(shape)
        with np.errstate(divide="ignore"):
            log_odds = np.log(odds) - np.log(free_row.take(rows))[:, :, None]
        log_odds = log_odds - np.log(free_column.take(columns))[:, None, :]
        block = _enumerated(np.maximum(log_odds, LEAST_LOG))
        result[inside] = block.ravel()[pair >= 0]
        # What leads out of a block shares what the block leaves free. Both sides have a say: the smaller one counts, so
        # that no sum exceeds 1.
        for key, names, out, free, left in (
            (ends, rows, out_row, free_row, 1 - block.sum(axis=2)),
            (starts, columns, out_column, free_column, 1 - block.sum(axis=1)),
        ):
            share = np.full(pieces, np.nan)
            share[names.ravel()] = np.maximum(left, 0).ravel() / free.take(names.ravel())
            touched = (~np.isnan(share.take(key)) & (out > 0)).nonzero()[0]
            result[touched] = np.minimum(result.take(touched), out.take(touched) * share.take(key.take(touched)))
    return result


def _blocks(first: Int64, second: Int64, log_odds: Float64) -> dict[int, Int64]:
    """Groups of 2 to `BLOCK` links, the most doubtful crossings first: size -> (B, size)."""
    group: dict[int, list[int]] = {}
    for k in np.lexsort((second, first, log_odds)).tolist():
        a = group.setdefault(int(first[k]), [int(first[k])])
        b = group.setdefault(int(second[k]), [int(second[k])])
        if a is not b and len(a) + len(b) <= BLOCK:
            a.extend(b)
            for link in b:
                group[link] = a
    distinct = {id(links): sorted(links) for links in group.values()}
    result: dict[int, list[list[int]]] = {}
    for links in distinct.values():
        if len(links) > 1:
            result.setdefault(len(links), []).append(links)
    return {size: np.array(result[size]) for size in sorted(result)}


@cache
def _linkings(n: int) -> Float64:
    """(M, n * n) all partial matchings of n ends and n starts."""
    tables = []
    for choice in product(range(n + 1), repeat=n):
        taken = [c for c in choice if c < n]
        if len(set(taken)) == len(taken):
            table = np.zeros((n, n + 1))
            table[np.arange(n), choice] = 1
            tables.append(table[:, :n].ravel())
    return np.array(tables)


def _enumerated(log_odds: Float64) -> Float64:
    """(B, n, n) the exact marginals of blocks of n ends and n starts, from their log-odds (B, n, n)."""
    blocks, n = log_odds.shape[:2]
    table = _linkings(n)
    worth = log_odds.reshape(blocks, n * n) @ table.T
    weight = np.exp(worth - worth.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    return np.asarray((weight @ table).reshape(log_odds.shape))
