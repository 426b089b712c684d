"""The linking of a recording that a person corrects: each constraint solves again what it touches, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.errors import DataError
from models.runtime.maths import ranges
from tracker.offline.constraints.enforcement import enforce
from tracker.offline.constraints.piece_table import PieceTable
from tracker.offline.constraints.state import Candidates, LinkState
from tracker.offline.constraints.statements import Statements, read_constraints
from tracker.offline.constraints.track_ids import keep_ids
from tracker.offline.decision.components import end_of_chain
from tracker.offline.decision.crossings import find_crossings
from tracker.offline.decision.marginals import PairGraph, messages, odds_of
from tracker.offline.decision.margins import Margins, decision_margins
from tracker.offline.decision.problem import LinkProblem
from tracker.offline.decision.solution import LinkSolution, with_probabilities
from tracker.offline.types import Constraint, VideoDetections
from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class TrackChange:
    """What a change of the constraints did.

    Attributes:
        ids: (C,) ids of tracks that gained or lost detections, came or went; rising.
        rows: (R,) detections whose id is another one now; rising.
    """

    ids: Int64
    rows: Int64


@dataclass(frozen=True, eq=False, slots=True)
class _Messages:
    """Messages that have converged, and the pairs that they are of."""

    earlier: Int64
    later: Int64
    gain: Float64
    back: Float64

    @classmethod
    def none(cls) -> _Messages:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))

    def renewed(self, graph: PairGraph, gain: Float64) -> _Messages:
        """Those of other pairs, most of which are the same."""
        known = min(len(self.gain), len(gain))
        if known == 0:
            return _Messages(graph.earlier, graph.later, gain, messages(graph))
        back = np.ones(len(gain))
        back[:known] = self.back[:known]
        same = (graph.earlier[:known] == self.earlier[:known]) & (graph.later[:known] == self.later[:known])
        changed = (~same | (gain[:known] != self.gain[:known])).nonzero()[0]
        # All ends that have, or had, a changed pair, or one whose start has or had one.
        starts = np.zeros(len(graph.by_start.begin) - 1, bool)
        for later in (graph.later[changed], graph.later[known:], self.later[changed], self.later[known:]):
            starts[later[later < len(starts)]] = True
        ends = graph.earlier[starts.take(graph.later)]
        for earlier in (self.earlier[changed], self.earlier[known:]):
            ends = np.append(ends, earlier[earlier < len(starts)])
        return _Messages(graph.earlier, graph.later, gain, messages(graph, back, ends))


class LinkSession:
    """The pieces of a recording, their links, and the constraints that hold. A change gives a new session.

    Attributes:
        change: what is different from the session that this one came from; everything at first.
    """

    def __init__(
        self,
        said: Statements,
        state: LinkState,
        kept: tuple[tuple[Statements, LinkState], ...],
        before: LinkSession | None,
    ) -> None:
        self._said, self._state, self._kept = said, state, kept
        self.change: TrackChange
        self._next_id: int
        self._messages: _Messages
        self._next_id = 1 if before is None else before._next_id
        self._ids = self._numbered(before)
        self._messages = _Messages.none() if before is None else before._messages

    @classmethod
    def of(
        cls,
        times: Float64,
        frame: Int64,
        piece: Int64,
        cut_cost: Float64,
        problem: LinkProblem,
        constraints: Sequence[Constraint] = (),
        candidates: Candidates | None = None,
    ) -> LinkSession:
        """The best linking of pieces that holds all constraints.

        Args:
            times: (F,) seconds of the frames.
            frame: (N,) index into `times` of each detection.
            piece: (N,) the piece of each detection, -1 without one.
            cut_cost: (N,) log-odds that a detection continues the one before it in its piece.
            problem: the pieces and candidate pairs, with nothing forced or forbidden.
            constraints: what is known from the start.
            candidates: scores the pairs of pieces that are new by cuts; without it their parts inherit the pairs of the
                whole.

        Raises:
            DataError: pieces that do not agree with the detections, or constraints that contradict each other.
        """
        for name, values in (("piece", piece), ("cut_cost", cut_cost)):
            if len(values) != len(frame):
                raise DataError(f"{name} has {len(values)} values for {len(frame)} detections; give one for each.")
        if len(frame) and (frame.min() < 0 or frame.max() >= len(times)):
            wrong = int(frame.min() if frame.min() < 0 else frame.max())
            raise DataError(
                f"a detection is in frame {wrong}, but there are {len(times)}; give the times of all frames."
            )
        table = PieceTable.of(frame, piece, cut_cost)
        if len(table) != len(problem) or (table.first != problem.first).any() or (table.last != problem.last).any():
            raise DataError("the first and last frames of the pieces are not those of their detections; give the same.")
        if problem.forced is not None or problem.forbidden is not None:
            raise DataError("the problem has forced or forbidden pairs; give constraints instead.")
        state = LinkState(table, problem, candidates)
        state.solve()
        read_constraints(constraints, frame, times)  # contradictions first
        session = cls(Statements.none(frame, times), state, (), None)
        return session._replayed(constraints) if constraints else session

    def with_constraint(self, constraint: Constraint) -> LinkSession:
        """The session in which one more constraint holds.

        Raises:
            DataError: it contradicts the others, or names a detection that does not exist.
        """
        said, state = self._said.extended(constraint), self._state.copied()
        _apply(state, said)
        return LinkSession(said, state, self._history(), self)

    def without(self, constraint: Constraint) -> LinkSession:
        """The session without a constraint (the last equal one), as if it had never been said. Ids stay.

        The constraints after it are applied again, from the nearest state that was kept: the last one is fast.

        Raises:
            DataError: no such constraint holds.
        """
        all_ = self.constraints
        if constraint not in all_:
            raise DataError(f"{constraint} is none of the {len(all_)} constraints; give one that holds.")
        at = len(all_) - 1 - all_[::-1].index(constraint)
        return self._replayed(all_[:at] + all_[at + 1 :], at)

    def _replayed(self, constraints: Sequence[Constraint], known: int = 0) -> LinkSession:
        """With these constraints alone, of which the first `known` are those of this session."""
        history = tuple(part for part in self._history() if len(part[0].constraints) <= known)
        said, state = history[-1]
        for one in constraints[len(said.constraints) :]:
            said, state = said.extended(one), state.copied()
            _apply(state, said)
            history = _thinned((*history, (said, state)))
        return LinkSession(said, state, history[:-1], self)

    def _history(self) -> tuple[tuple[Statements, LinkState], ...]:
        """What was said and solved before, and now; thinned."""
        return _thinned((*self._kept, (self._said, self._state)))

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """What is said, in the order in which it was said."""
        return self._said.constraints

    @property
    def table(self) -> PieceTable:
        return self._state.table

    @property
    def problem(self) -> LinkProblem:
        """The problem whose optimum this is: with cut pieces, and with forced and forbidden pairs."""
        return self._state.problem()

    @property
    def follower(self) -> Int64:
        """(P,) the piece that follows each, -1 for none."""
        return self._state.follower

    @cached_property
    def solution(self) -> LinkSolution:
        """The links, and the probabilities of all pairs of `problem`."""
        state = self._state
        graph = PairGraph(state.earlier, state.later, state.by_end, state.by_start, odds_of(state.gain))
        self._messages = self._messages.renewed(graph, state.gain)
        return with_probabilities(graph, self._messages.back, state.gain, state.follower)

    @cached_property
    def margins(self) -> Margins:
        """The margin of each decision, as `tracker.offline.decision.solution.swap_margin`."""
        state = self._state
        crossings = find_crossings(state.earlier, state.later, state.gain, state.follower)
        return decision_margins(state.earlier, state.later, state.gain, state.follower, crossings)

    @cached_property
    def piece_track(self) -> Int64:
        """(P,) id of the track of each piece, from 1."""
        return self._ids

    def track_of(self, rows: Int64) -> Int64:
        """The ids of the tracks of some detections, -1 without one."""
        piece = self.table.piece_of(rows)
        return np.where(piece < 0, -1, self._ids.take(np.maximum(piece, 0)) if len(self._ids) else -1)

    @cached_property
    def track(self) -> Int64:
        """(N,) id of the track of each detection, -1 without one."""
        table = self.table
        order = table.by_begin
        ids = np.full(len(table.place), -1)
        ids[table.row] = np.repeat(self._ids.take(order), table.length.take(order))
        return ids

    def _numbered(self, before: LinkSession | None) -> Int64:
        """(P,) the ids; sets `change` and `_next_id`."""
        table, follower = self.table, self.follower
        chain = end_of_chain(np.where(follower < 0, np.arange(len(follower)), follower))
        if before is None:
            order = np.argsort(table.first, kind="stable")
            ids = np.zeros(len(table), np.int64)
            ids[order], self._next_id = keep_ids(np.zeros(len(table), np.int64), chain[order], table.length[order], 1)
            self.change = TrackChange(np.unique(ids), np.sort(table.row))
            return ids
        # Parts that are whole pieces in both. Behind `known` lie detections that constraints made pieces.
        known, rows, old_rows = len(self._history()[0][1].table.row), table.row, before.table.row
        begin = np.union1d(before.table.begin[before.table.begin < known], table.begin)
        end = np.append(begin[1:], len(rows))
        order = np.argsort(table.frame.take(begin), kind="stable")
        begin, end = begin[order], end[order]
        piece = table.piece_at(begin)
        old = before.track_of(rows.take(begin))
        old[old < 0] = 0
        new, self._next_id = keep_ids(old, chain.take(piece), end - begin, self._next_id)
        ids = np.zeros(len(table), np.int64)
        ids[piece] = new
        moved = (new != old).nonzero()[0]
        count = end[moved] - begin[moved]
        place = ranges(begin[moved], count)
        gone = np.setdiff1d(old_rows[known:], rows[known:])
        lost = np.concatenate([old[moved], before.track_of(gone)])
        self.change = TrackChange(
            np.union1d(lost[lost > 0], new[moved]), np.sort(np.concatenate([rows.take(place), gone]))
        )
        return ids


def constrained_tracks(
    detections: VideoDetections, track: Int64, constraints: Sequence[Constraint], cut_cost: Float64 | None = None
) -> Int64:
    """(N,) ids of given tracks after they were cut and joined as the constraints ask, and nowhere else.

    Args:
        detections: all detections of the recording.
        track: (N,) id of each detection's track, -1 without one.
        constraints: what is known.
        cut_cost: (N,) log-odds that a detection continues the one before it in its track; nan or None where unknown.

    Raises:
        DataError: a track has two detections in one frame, or the constraints contradict each other.
    """
    piece = np.full(len(track), -1)
    known = track >= 0
    piece[known] = np.unique(track[known], return_inverse=True)[1]
    cost = np.zeros(len(track)) if cut_cost is None else np.nan_to_num(cut_cost.astype(np.float64))
    table, none = PieceTable.of(detections.frame, piece, cost), np.zeros(0, np.int64)
    problem = LinkProblem(table.first, table.last, none, none, np.zeros(0))
    return LinkSession.of(detections.times, detections.frame, piece, cost, problem, constraints).track


def _thinned(history: tuple[tuple[Statements, LinkState], ...]) -> tuple[tuple[Statements, LinkState], ...]:
    """About two states for each doubling of the number of constraints back, so that little must be applied again."""
    now = len(history[-1][0].constraints)
    kept = []
    for part in history:
        number = len(part[0].constraints)
        if number == 0 or now - number < 2 * (number & -number):
            kept.append(part)
    return tuple(kept)


def _apply(state: LinkState, said: Statements) -> None:
    """Makes the last statement hold, and all others still."""
    last = said.constraints[-1]
    enforce(state, said, (said.group_of(last.first), said.group_of(last.second)))
