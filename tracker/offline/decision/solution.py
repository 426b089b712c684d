"""One optimum of all links between pieces of tracks, and how sure each decision is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.offline.decision.assignment import best_linking
from tracker.offline.decision.crossings import find_crossings, with_crossings
from tracker.offline.decision.marginals import PairGraph, marginals, messages
from tracker.offline.decision.margins import Margins, decision_margins
from tracker.offline.decision.problem import LinkProblem
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


def swap_margin(problem: LinkProblem, follower: Int64) -> Margins:
    """The margin of each decision of the optimum `follower` (P,): what the best linking without it is worth less.

    A crossing is one decision here: where two links can only be swapped together, both have the margin of the swap.
    """
    gain = problem.gain
    crossings = find_crossings(problem.earlier, problem.later, gain, follower)
    return decision_margins(problem.earlier, problem.later, gain, follower, crossings)
