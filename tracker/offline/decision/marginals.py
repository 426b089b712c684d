"""The probability of every candidate link, over all one-to-one linkings.

Belief propagation over matchings (Williams and Lau, "Approximate evaluation of marginal association probabilities with
belief propagation", IEEE Transactions on Aerospace and Electronic Systems 50, 2014), sparse: exact without cycles, and
with one fixed point otherwise. Only messages that still change are computed again, so a changed pair costs what its
surroundings cost. It is too sure of crossings; `tracker.offline.decision.crossings` corrects that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.offline.decision.components import Grouped, distinct
from tracker.types import Bool, Float64, Int64

MAX_LOG_ODDS = 300.0  # beyond it, odds would leave the range of float64
TOLERANCE = 1e-9  # largest change of a message's logarithm that is not passed on
MAX_ROUNDS = 300  # of belief propagation; large log-odds of both pairings of a crossing converge slowly


@dataclass(frozen=True, eq=False, slots=True)
class PairGraph:
    """K pairs by their ends and by their starts, with their odds against "none".

    Attributes:
        earlier, later: (K,) the pieces of each pair.
        by_end, by_start: the pairs of each piece.
        odds: (K,) exp(gain), 0 for a pair that cannot link.
    """

    earlier: Int64
    later: Int64
    by_end: Grouped
    by_start: Grouped
    odds: Float64

    @classmethod
    def of(cls, pieces: int, earlier: Int64, later: Int64, gain: Float64) -> PairGraph:
        """From the log-odds `gain` (K,) beyond those of "none"; -inf for a pair that cannot link."""
        by_end, by_start = Grouped.of(earlier, pieces), Grouped.of(later, pieces)
        return cls(earlier, later, by_end, by_start, odds_of(gain))


def odds_of(gain: Float64) -> Float64:
    """(K,) odds of log-odds within the range of float64; 0 for -inf."""
    return np.where(gain == -np.inf, 0.0, np.exp(np.clip(gain, -MAX_LOG_ODDS, MAX_LOG_ODDS)))


def messages(graph: PairGraph, back: Float64 | None = None, changed: Int64 | None = None) -> Float64:
    """(K,) the message of each pair's start to its end: how free the start is without this pair, above 0, at most 1.

    Args:
        graph: the pairs.
        back: (K,) messages to begin with; 1 where None is given.
        changed: the pieces whose ends' pairs differ from those that `back` holds for; all where None is given.
    """
    back = np.ones(len(graph.odds)) if back is None else back.copy()
    there = np.full(len(back), np.nan)
    pieces = len(graph.by_end.begin) - 1
    ends = np.arange(pieces) if changed is None else distinct(changed, pieces)
    for _ in range(MAX_ROUNDS):
        pair, owner = graph.by_end.items(ends)
        new = graph.odds.take(pair) / (1 + _sum_of_others(graph.odds.take(pair) * back.take(pair), owner, len(ends)))
        moved = pair.compress(_moved(there.take(pair), new))
        there[pair] = new
        if len(moved) == 0:
            break
        starts = distinct(graph.later.take(moved), pieces)
        pair, owner = graph.by_start.items(starts)
        unknown = pair.compress(np.isnan(there.take(pair)))
        if len(unknown):  # what the neighbours say when nothing around them has changed
            there[unknown] = _message_of_ends(graph, back, unknown)
        new = 1 / (1 + _sum_of_others(there.take(pair), owner, len(starts)))
        moved = pair.compress(_moved(back.take(pair), new))
        back[pair] = new
        if len(moved) == 0:
            break
        ends = distinct(graph.earlier.take(moved), pieces)
    return back


def end_messages(graph: PairGraph, back: Float64) -> Float64:
    """(K,) the message of each pair's end to its start: the pair's odds, as far as the end is free without it."""
    others = _sum_of_others(graph.odds * back, graph.earlier, len(graph.by_end.begin) - 1)
    return np.asarray(graph.odds / (1 + others))


def _message_of_ends(graph: PairGraph, back: Float64, wanted: Int64) -> Float64:
    """As `end_messages`, of the wanted pairs only."""
    ends = np.unique(graph.earlier.take(wanted))
    pair, owner = graph.by_end.items(ends)
    odds = graph.odds.take(pair)
    new = odds / (1 + _sum_of_others(odds * back.take(pair), owner, len(ends)))
    order = np.argsort(pair)
    return new.take(order.take(np.searchsorted(pair, wanted, sorter=order)))


def _sum_of_others(values: Float64, group: Int64, n: int) -> Float64:
    """(K,) the sum of the other values of the same group, without the cancellation of sum minus own."""
    total = np.bincount(group, values, n)
    best = np.zeros(n)
    np.maximum.at(best, group, values)
    top = np.full(n, -1)
    at = (values == best.take(group)).nonzero()[0]
    top[group.take(at)] = at
    top = top[top >= 0]
    others = total.take(group) - values
    rest = values.copy()
    rest[top] = 0
    others[top] = np.bincount(group, rest, n).take(group.take(top))
    return np.maximum(others, 0)


def _moved(before: Float64, after: Float64) -> Bool:
    """(K,) messages that changed by more than the tolerance; those that were not known did."""
    same = np.abs(after - before) <= TOLERANCE * np.abs(before)
    return np.asarray(~same)


def marginals(graph: PairGraph, back: Float64) -> Float64:
    """(K,) the probability of each pair, from its `messages`."""
    pieces = len(graph.by_end.begin) - 1
    weighed = graph.odds * back
    return np.asarray(weighed / (1 + _sum_of_others(weighed, graph.earlier, pieces) + weighed))
