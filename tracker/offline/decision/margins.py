"""The margin of every decision: what the best linking without it is worth less than the optimum, in log-odds.

A linking without a link differs from the optimum by a cycle through it: the end takes another start, the end that
loses this start takes another one, and so on, until the last takes the first start, or "none" on both sides. The margin
is the cost of the cheapest cycle. Those by way of "none" are two shortest paths from one node; the others are searched
from each link, as far as they are cheaper (reduced costs and bounds as in A*).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.offline.decision.components import Grouped
from tracker.offline.decision.crossings import Crossings
from tracker.types import Float64, Int64

SLACK = 1e-9  # log-odds; smaller gains of a path are rounding
SOURCES = 1024  # links whose cycles are searched at once: bounds the memory


@dataclass(frozen=True, eq=False, slots=True)
class Margins:
    """What the best linking without a decision is worth less: at least 0, inf where there is no other.

    Attributes:
        end: (P,) log-odds, of what follows each piece, or of "none follows".
        start: (P,) log-odds, of what each piece follows, or of "it follows none".
    """

    end: Float64
    start: Float64


@dataclass(frozen=True, eq=False, slots=True)
class _Exchanges:
    """Nodes are links (named by their earlier piece); an arc u -> v: the end of u takes the start of v."""

    tail: Int64
    head: Int64
    cost: Float64
    leave: Float64  # (P,) cost of taking a free start, or none; inf where the piece has no link
    enter: Float64  # (P,) cost of giving the start of a link to a free end, or to none


def decision_margins(earlier: Int64, later: Int64, gain: Float64, follower: Int64, crossings: Crossings) -> Margins:
    """The margins of all decisions of an optimum.

    Args:
        earlier, later: (K,) the pieces of each pair.
        gain: (K,) log-odds of each pair beyond those of "none"; -inf where it cannot link, inf where it must.
        follower: (P,) the optimum.
        crossings: its crossings.
    """
    pieces = len(follower)
    must = gain == np.inf
    usable = ((gain > -np.inf) & ~must).nonzero()[0]
    a, b, g = earlier.take(usable), later.take(usable), gain.take(usable)
    link = (follower.take(a) == b).nonzero()[0]
    worth, owner = np.full(pieces, np.nan), np.full(pieces, -1)
    worth[a.take(link)] = g.take(link)
    owner[b.take(link)] = a.take(link)
    linked_end, linked_start = ~np.isnan(worth.take(a)), owner.take(b) >= 0
    exchanges = _exchanges(a, b, g, worth, owner)
    enter = _shortest(exchanges.enter, exchanges.tail, exchanges.head, exchanges.cost)
    leave = _shortest(exchanges.leave, exchanges.head, exchanges.tail, exchanges.cost)
    around = enter + leave  # of the cheapest cycle by way of "none"
    best = around.copy()
    for one in (crossings.first, crossings.second):
        np.minimum.at(best, earlier.take(one), crossings.log_odds)
    end = _with_cycles(exchanges, enter, around, best)
    end[np.isnan(worth)] = np.inf
    start = np.full(pieces, np.inf)
    start[b.take(link)] = end.take(a.take(link))
    # Free ends and starts: the cheapest way to link them.
    k = (~linked_end).nonzero()[0]
    np.minimum.at(end, a.take(k), np.where(linked_start.take(k), leave.take(owner.take(b.take(k))), 0) - g.take(k))
    k = (~linked_start).nonzero()[0]
    lost = np.where(linked_end.take(k), worth.take(a.take(k)) + enter.take(a.take(k)), 0)
    np.minimum.at(start, b.take(k), lost - g.take(k))
    return Margins(np.maximum(end, 0), np.maximum(start, 0))


def _exchanges(a: Int64, b: Int64, gain: Float64, worth: Float64, owner: Int64) -> _Exchanges:
    linked_end, linked_start = ~np.isnan(worth.take(a)), owner.take(b) >= 0
    leave, enter = np.where(np.isnan(worth), np.inf, worth), np.where(np.isnan(worth), np.inf, 0)
    k = (linked_end & ~linked_start).nonzero()[0]
    np.minimum.at(leave, a.take(k), worth.take(a.take(k)) - gain.take(k))
    k = (~linked_end & linked_start).nonzero()[0]
    np.minimum.at(enter, owner.take(b.take(k)), -gain.take(k))
    k = (linked_end & linked_start & (owner.take(b) != a)).nonzero()[0]
    tail, head = a.take(k), owner.take(b.take(k))
    return _Exchanges(tail, head, worth.take(tail) - gain.take(k), leave, enter)


def _shortest(distance: Float64, tail: Int64, head: Int64, cost: Float64) -> Float64:
    """(P,) the shortest distances that begin with `distance` and go on along the arcs; there is no negative cycle."""
    distance = distance.copy()
    arcs = Grouped.of(tail, len(distance))
    nodes = np.isfinite(distance).nonzero()[0]
    while len(nodes):
        arc, _ = arcs.items(nodes)
        to, new = head.take(arc), distance.take(tail.take(arc)) + cost.take(arc)
        good = (new < distance.take(to) - SLACK).nonzero()[0]
        np.minimum.at(distance, to.take(good), new.take(good))
        nodes = np.unique(to.take(good))
    return distance


def _with_cycles(exchanges: _Exchanges, enter: Float64, around: Float64, best: Float64) -> Float64:
    """(P,) `best`, improved by cycles of links alone."""
    best = best.copy()
    reduced = np.maximum(exchanges.cost + enter.take(exchanges.tail) - enter.take(exchanges.head), 0)
    tail, head = exchanges.tail, exchanges.head
    pieces = len(best)
    arcs = Grouped.of(tail, pieces)
    sources = np.intersect1d(tail, head)
    for begin in range(0, len(sources), SOURCES):
        block = sources[begin : begin + SOURCES]
        source, node, length = np.arange(len(block)), block, np.zeros(len(block))
        known_key, known = np.zeros(0, np.int64), np.zeros(0)
        while len(node):
            arc, owner = arcs.items(node)
            source, node, length = source.take(owner), head.take(arc), length.take(owner) + reduced.take(arc)
            home = block.take(source)
            at_home = (node == home).nonzero()[0]
            np.minimum.at(best, home.take(at_home), length.take(at_home))
            bound = length + np.maximum(around.take(node) - around.take(home), 0)
            go = ((node != home) & (bound < best.take(home) - SLACK)).nonzero()[0]
            key, length = _shortest_of_each(source.take(go) * pieces + node.take(go), length.take(go))
            at = np.searchsorted(known_key, key)
            before = np.full(len(key), np.inf)
            hit = (at < len(known_key)).nonzero()[0]
            hit = hit[known_key.take(at.take(hit)) == key.take(hit)]
            before[hit] = known.take(at.take(hit))
            shorter = length < before - SLACK
            key, length = key[shorter], length[shorter]
            known_key, known = _shortest_of_each(np.concatenate([known_key, key]), np.concatenate([known, length]))
            source, node = key // pieces, key % pieces
    return best


def _shortest_of_each(key: Int64, length: Float64) -> tuple[Int64, Float64]:
    order = np.lexsort((length, key))
    key, length = key.take(order), length.take(order)
    first = np.ones(len(key), bool)
    first[1:] = key[1:] != key[:-1]
    return key[first], length[first]
