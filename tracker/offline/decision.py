"""One optimum of all links between pieces of tracks, and how sure each decision is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.offline.crossings import find_crossings, with_crossings
from tracker.offline.link_assignment import best_linking
from tracker.offline.link_marginals import PairGraph, marginals, messages
from tracker.offline.link_margins import Margins, decision_margins
from tracker.offline.link_problem import LinkProblem
from tracker.offline.types import Decisions, Kind
from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class LinkSolution:
    """The best linking of P pieces by K candidate pairs, with the probability of each link, chosen or not.

    The probabilities of all pairs of one piece's end and of `end` sum to 1, and those of its start likewise.

    Attributes:
        follower: (P,) the piece that follows each, -1 for none.
        probability: (K,) that the pair is a link, over all one-to-one linkings.
        start: (P,) probability that the piece follows none.
        end: (P,) probability that none follows.
    """

    follower: Int64
    probability: Float64
    start: Float64
    end: Float64


def solve(problem: LinkProblem) -> LinkSolution:
    """The best linking and its probabilities. A pure function, near-linear in the number of pairs."""
    follower = best_linking(problem)
    gain = problem.gain
    graph = PairGraph.of(len(problem), problem.earlier, problem.later, gain)
    return with_probabilities(graph, messages(graph), gain, follower)


def with_probabilities(graph: PairGraph, back: Float64, gain: Float64, follower: Int64) -> LinkSolution:
    """The solution with the linking `follower`, from messages (K,) that have converged."""
    crossings = find_crossings(graph.earlier, graph.later, gain, follower)
    probability = with_crossings(graph, back, marginals(graph, back), crossings)
    pieces = len(follower)
    end = np.maximum(1 - np.bincount(graph.earlier, probability, pieces), 0)
    start = np.maximum(1 - np.bincount(graph.later, probability, pieces), 0)
    return LinkSolution(follower, probability, start, end)


def decisions_between(problem: LinkProblem, solution: LinkSolution, first: Int64, last: Int64) -> Decisions:
    """The decisions between pieces, in order of time: each link, each free start and each free end.

    Args:
        problem: P pieces and their pairs.
        solution: its solution.
        first, last: (P,) the first and the last detection of each piece.
    """
    follower, probability = solution.follower, solution.probability
    chosen = follower.take(problem.earlier) == problem.later
    likely = np.where(chosen, -1.0, probability)
    after, before = _likeliest(problem.earlier, likely, len(first)), _likeliest(problem.later, likely, len(first))
    link = chosen.nonzero()[0]
    free_end = np.ones(len(first), bool)
    free_end[problem.earlier[link]] = False
    free_start = np.ones(len(first), bool)
    free_start[problem.later[link]] = False
    start, end = free_start.nonzero()[0], free_end.nonzero()[0]
    here = problem.earlier.take(link)
    rival = after.take(here)
    # The rival of a link is none where a free end is more likely than any other follower.
    rival = np.where((rival >= 0) & (likely.take(rival) > solution.end.take(here)), rival, -1)
    none = np.full(max(len(start), len(end)), -1)
    kind = np.repeat([Kind.LINK, Kind.START, Kind.END], [len(link), len(start), len(end)])
    earlier = np.concatenate([last.take(here), none[: len(start)], last.take(end)])
    later = np.concatenate([first.take(problem.later.take(link)), first.take(start), none[: len(end)]])
    sure = np.concatenate([probability.take(link), solution.start.take(start), solution.end.take(end)])
    other = np.concatenate(
        [
            _row(first, problem.later, rival),
            _row(last, problem.earlier, before.take(start)),
            _row(first, problem.later, after.take(end)),
        ]
    )
    frame = np.concatenate(
        [problem.first.take(problem.later.take(link)), problem.first.take(start), problem.last.take(end)]
    )
    order = np.lexsort((np.where(later >= 0, later, earlier), kind, frame))
    return Decisions(kind[order], earlier[order], later[order], sure[order], other[order])


def _likeliest(group: Int64, probability: Float64, n: int) -> Int64:
    """(n,) the pair of each group with the largest probability, -1 where none is above 0."""
    order = np.lexsort((-np.arange(len(group)), probability))
    best = np.full(n, -1)
    best[group[order]] = order
    return np.where((best >= 0) & (probability.take(best) > 0), best, -1) if len(group) else best


def _row(rows: Int64, piece: Int64, pair: Int64) -> Int64:
    """The detection of the piece of each pair; -1 for pair -1."""
    if len(piece) == 0:
        return np.full(len(pair), -1)
    return np.where(pair >= 0, rows.take(piece.take(pair)), -1)


def swap_margin(problem: LinkProblem, follower: Int64) -> Margins:
    """The margin of each decision of the optimum `follower` (P,): what the best linking without it is worth less.

    A crossing is one decision here: where two links can only be swapped together, both have the margin of the swap.
    """
    gain = problem.gain
    crossings = find_crossings(problem.earlier, problem.later, gain, follower)
    return decision_margins(problem.earlier, problem.later, gain, follower, crossings)
