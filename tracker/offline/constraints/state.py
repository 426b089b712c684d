"""A linking in work: pieces that can be cut, pairs that can be forced and forbidden, and the optimum kept up to date.

An optimum changes only in the components of the pairs above 0 in which something changed: only these are solved again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy

import numpy as np

from tracker.offline.constraints.piece_table import PieceTable
from tracker.offline.decision.assignment import best_pairs
from tracker.offline.decision.components import Grouped
from tracker.offline.decision.problem import LinkProblem
from tracker.types import Bool, Float64, Int64

UNKNOWN_LOG_ODDS = -6.0  # of a pair that is no candidate: the least log-odds of candidates (`MIN_PAIR_LOGIT`)
SWAPPED_LOG_ODDS = 1.0  # of the two rests when a must-link crosses two pieces: whoever swapped once swapped both

# Candidates of pieces that are new by cuts: (earlier, later, log-odds) of the pairs in which one of them takes part.
Candidates = Callable[[PieceTable, Int64], tuple[Int64, Int64, Float64]]


class LinkState:
    """Mutable; `copied` before a change that others must not see."""

    def __init__(self, table: PieceTable, problem: LinkProblem, candidates: Candidates | None) -> None:
        pieces, pairs = len(table), len(problem.earlier)
        self.table, self.candidates = table, candidates
        self.earlier, self.later = problem.earlier.astype(np.int64), problem.later.astype(np.int64)
        self.log_odds = problem.log_odds.astype(np.float64)
        self.free_start = np.zeros(pieces) if problem.start is None else problem.start.astype(np.float64)
        self.free_end = np.zeros(pieces) if problem.end is None else problem.end.astype(np.float64)
        self.forbidden = np.zeros(pairs, bool)
        self.forced = np.full(pairs, -1)  # a detection of the group whose must-link forces the pair
        self.forced_end, self.forced_start = np.full((2, pieces), -1)  # the forced pair of each piece
        self.follower = np.full(pieces, -1)
        self.first, self.last = table.first, table.last
        self.gain = problem.gain
        self.touched: set[int] = set(range(pieces))
        self.by_end, self.by_start = Grouped.of(self.earlier, pieces), Grouped.of(self.later, pieces)

    def copied(self) -> LinkState:
        """A state that can change on its own; large arrays are shared until they change."""
        other = copy(self)
        for name in ("forbidden", "forced", "forced_end", "forced_start", "follower", "gain", "free_start", "free_end"):
            setattr(other, name, getattr(self, name).copy())
        other.touched = set(self.touched)
        return other

    def pairs_of(self, pieces: Iterable[int]) -> Int64:
        """All pairs in which one of the pieces takes part; some occur twice."""
        names = np.fromiter(pieces, np.int64)
        return np.concatenate([self.by_end.items(names)[0], self.by_start.items(names)[0]])

    def pair(self, earlier: int, later: int) -> int:
        """The pair of two pieces, -1 where it is no candidate."""
        pairs, _ = self.by_end.items(np.array([earlier]))
        hit = pairs[self.later.take(pairs) == later]
        return int(hit[0]) if len(hit) else -1

    def solve(self) -> None:
        """Brings the optimum up to date around what was touched."""
        if not self.touched:
            return
        touched = np.fromiter(sorted(self.touched), np.int64)
        ends, starts, _ = self._around(touched, touched)  # what was decided together with them
        self._weigh(self.touched)
        ends, starts, pairs = self._around(ends, starts)
        self.follower[ends] = -1
        self.follower[np.isin(self.follower, starts)] = -1
        chosen = pairs.take(best_pairs(self.earlier.take(pairs), self.later.take(pairs), self.gain.take(pairs)))
        self.follower[self.earlier.take(chosen)] = self.later.take(chosen)
        self.touched.clear()

    def _weigh(self, pieces: Iterable[int]) -> None:
        k = self.pairs_of(pieces)
        a, b = self.earlier.take(k), self.later.take(k)
        gain = self.log_odds.take(k) - self.free_end.take(a) - self.free_start.take(b)
        gain[self.forbidden.take(k) | (self.forced_end.take(a) >= 0) | (self.forced_start.take(b) >= 0)] = -np.inf
        gain[self.forced.take(k) >= 0] = np.inf
        self.gain[k] = gain

    def _around(self, ends: Int64, starts: Int64) -> tuple[Int64, Int64, Int64]:
        """The components of pairs above 0 at the ends and starts of some pieces: their ends, starts and pairs."""
        seen_end, seen_start = np.zeros((2, len(self.table)), bool)
        found: list[Int64] = []
        while len(ends) or len(starts):
            seen_end[ends] = seen_start[starts] = True
            out, into = self._good(self.by_end, ends), self._good(self.by_start, starts)
            found.append(out)
            starts, ends = np.unique(self.later.take(out)), np.unique(self.earlier.take(into))
            starts, ends = starts[~seen_start.take(starts)], ends[~seen_end.take(ends)]
        return seen_end.nonzero()[0], seen_start.nonzero()[0], np.unique(np.concatenate(found))

    def _good(self, grouped: Grouped, pieces: Int64) -> Int64:
        pairs, _ = grouped.items(pieces)
        return pairs[self.gain.take(pairs) > 0]

    def leader(self) -> Int64:
        """(P,) the piece before each, -1 for none."""
        leader = np.full(len(self.table), -1)
        linked = (self.follower >= 0).nonzero()[0]
        leader[self.follower.take(linked)] = linked
        return leader

    def forbid(self, pairs: Int64) -> None:
        """The pairs cannot link. Forced ones no longer are."""
        pairs = pairs[~self.forbidden.take(pairs)]
        self.release(pairs[self.forced.take(pairs) >= 0])
        self.forbidden[pairs] = True
        self._touch(pairs)

    def force(self, pair: int, detection: int) -> None:
        """The pair must link, for the group of a detection. No other pair of its end or start is forced."""
        self.forbidden[pair] = False
        self.forced[pair] = detection
        self.forced_end[self.earlier[pair]] = self.forced_start[self.later[pair]] = pair
        self._touch(np.array([pair]))

    def release(self, pairs: Int64) -> None:
        """Forced pairs become pairs like others."""
        self.forced[pairs] = -1
        self.forced_end[self.earlier.take(pairs)] = self.forced_start[self.later.take(pairs)] = -1
        self._touch(pairs)

    def _touch(self, pairs: Int64) -> None:
        self.touched.update(self.earlier.take(pairs).tolist(), self.later.take(pairs).tolist())

    def add_piece(self, row: int, frame: int) -> None:
        """A detection without a piece becomes one. Without `candidates`, its pairs come by `extend`."""
        self.table = self.table.with_single(row, frame)
        piece = self._append_piece(0.0, 0.0)
        if self.candidates is not None:
            self._renew(self.candidates, np.array([piece]))

    def extend(self, earlier: int, later: int) -> None:
        """A single detection that is joined to a piece takes over the pairs of that end or start.

        Does nothing for other pieces, or where there are pairs already.
        """
        length = self.table.length
        out, into = self.by_end.items(np.array([earlier]))[0], self.by_start.items(np.array([later]))[0]
        if length[later] == 1 and len(self.by_end.items(np.array([later]))[0]) == 0:
            pairs = out[self.first.take(self.later.take(out)) > self.last[later]]
            self.add_pairs(np.full(len(pairs), later), self.later.take(pairs), self.log_odds.take(pairs))
        if length[earlier] == 1 and len(self.by_start.items(np.array([earlier]))[0]) == 0:
            pairs = into[self.last.take(self.earlier.take(into)) < self.first[earlier]]
            self.add_pairs(self.earlier.take(pairs), np.full(len(pairs), earlier), self.log_odds.take(pairs))

    def add_pair(self, earlier: int, later: int, log_odds: float) -> int:
        """A new candidate pair."""
        self.add_pairs(np.array([earlier]), np.array([later]), np.array([log_odds]))
        return len(self.earlier) - 1

    def add_pairs(self, earlier: Int64, later: Int64, log_odds: Float64) -> None:
        """New candidate pairs."""
        self.earlier, self.later = np.append(self.earlier, earlier), np.append(self.later, later)
        self.log_odds = np.append(self.log_odds, log_odds)
        none = np.full(len(earlier), -1)
        self.forced = np.append(self.forced, none)
        self.forbidden, self.gain = np.append(self.forbidden, none >= 0), np.append(self.gain, none * np.inf)
        self.touched.update(earlier.tolist(), later.tolist())
        self.by_end, self.by_start = self.by_end.with_items(earlier), self.by_start.with_items(later)

    def cut(self, places: list[int]) -> None:
        """Cuts pieces before these places of the table; the parts can be linked again, as well as they were held."""
        new = []
        for place in places:
            piece = int(self.table.piece_at(np.array([place]))[0])
            self.table = self.table.cut(place)
            moved, _ = self.by_end.items(np.array([piece]))
            part = self._append_piece(0.0, float(self.free_end[piece]), piece)
            self.free_end[piece] = 0.0
            self.follower[part], self.follower[piece] = self.follower[piece], -1
            self.earlier = self.earlier.copy()
            self.earlier[moved] = part
            self.forced_end[part], self.forced_end[piece] = self.forced_end[piece], -1
            self.touched.update((piece, part), self.later.take(moved).tolist())
            self.add_pair(piece, part, float(self.table.cut_cost[place]))
            new += [piece, part]
        self.first, self.last = self.table.first, self.table.last
        if self.candidates is not None and new:
            self._renew(self.candidates, np.unique(new))

    def cross(self, first: int, second: int) -> None:
        """Two pieces that a must-link left over can follow each other."""
        if self.last[first] < self.first[second] and self.pair(first, second) < 0:
            self.add_pair(first, second, SWAPPED_LOG_ODDS)

    def _renew(self, candidates: Candidates, pieces: Int64) -> None:
        """Takes the log-odds of pairs of these pieces from `candidates`; other pairs of theirs keep what they had."""
        earlier, later, log_odds = candidates(self.table, pieces)
        LinkProblem(self.first, self.last, earlier, later, log_odds)  # raises where they are not valid
        self.log_odds = self.log_odds.copy()
        known = {}
        for k in self.pairs_of(pieces.tolist()).tolist():
            known[int(self.earlier[k]), int(self.later[k])] = k
        place = np.array([known.get(pair, -1) for pair in zip(earlier.tolist(), later.tolist(), strict=True)], np.int64)
        self.log_odds[place[place >= 0]] = log_odds[place >= 0]
        fresh = place < 0
        self.add_pairs(earlier[fresh], later[fresh], log_odds[fresh])
        self.touched.update(pieces.tolist())

    def _append_piece(self, free_start: float, free_end: float, cut: int = -1) -> int:
        """Everything about a new last piece; it takes the pairs of the end of the piece `cut`."""
        self.by_end, self.by_start = self.by_end.with_key(cut), self.by_start.with_key()
        self.free_start, self.free_end = np.append(self.free_start, free_start), np.append(self.free_end, free_end)
        self.follower = np.append(self.follower, -1)
        self.forced_end, self.forced_start = np.append(self.forced_end, -1), np.append(self.forced_start, -1)
        self.first, self.last = self.table.first, self.table.last
        self.touched.add(len(self.table) - 1)
        return len(self.table) - 1

    def problem(self) -> LinkProblem:
        """The problem whose optimum this is."""
        forced: Bool = self.forced >= 0
        return LinkProblem(
            self.first,
            self.last,
            self.earlier,
            self.later,
            self.log_odds,
            self.free_start,
            self.free_end,
            forced,
            self.forbidden,
        )
