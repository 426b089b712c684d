"""Makes the optimum hold what a person says: cuts, forced links and forbidden links, as few as are needed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from models.errors import DataError
from tracker.offline.constraints.state import UNKNOWN_LOG_ODDS, LinkState
from tracker.offline.constraints.statements import Statements
from tracker.offline.decision.components import end_of_chain
from tracker.types import Int64

MOST_REPAIRS = 1000  # steps after one constraint; random ones need fewer than 20


def enforce(state: LinkState, said: Statements, groups: Iterable[int]) -> None:
    """Changes `state` until all of `said` hold in its optimum.

    Args:
        state: an optimum in which all that was said before holds.
        said: all statements, without contradiction.
        groups: those about which something new was said.

    Raises:
        DataError: no such optimum was found.
    """
    _Enforcement(state, said).run(sorted(set(groups)))


class _Enforcement:
    def __init__(self, state: LinkState, said: Statements) -> None:
        self._state, self._said, self._frame = state, said, said.frame
        self._strict: set[int] = set()  # groups whose whole chain is forced, not only direct links
        self._waiting: list[int] = []

    def run(self, groups: list[int]) -> None:
        state, said = self._state, self._said
        for row in np.concatenate([said.rows_of(group) for group in groups]).tolist():
            if state.table.place[row] < 0:
                state.add_piece(row, int(self._frame[row]))
        self._waiting = list(groups)
        for _ in range(MOST_REPAIRS):
            if self._waiting:
                group = self._waiting.pop(0)
                self._separate(group)
                self._bring_in_order(group)
                self._forbid_links(group)
                self._connect(group)
                continue
            state.solve()
            if not self._repair():
                return
        last = said.constraints[-1]
        raise DataError(
            f"no tracks were found in which constraint {len(said.constraints)} (detections {last.first} and "
            f"{last.second}) holds beside those near it; remove one of them."
        )

    def _repair(self) -> bool:
        """Begins to mend the first statement that does not hold; False where all do."""
        said, state = self._said, self._state
        if len(said.row) == 0:
            return False
        piece = state.table.piece_of(said.row)
        chain = self._chains().take(np.maximum(piece, 0))
        apart = ((said.group[1:] == said.group[:-1]) & (chain[1:] != chain[:-1])).nonzero()[0]
        if len(apart):
            group = int(said.group[apart[0]])
            self._strict.add(group)
            self._waiting.append(group)
            return True
        order = np.lexsort((self._frame.take(said.row), chain))
        together = (chain.take(order)[1:] == chain.take(order)[:-1]).nonzero()[0]
        if not said.different or len(together) == 0:
            return False
        begins = np.flatnonzero(np.r_[True, np.diff(chain.take(order)) != 0, True]).tolist()
        for begin, end in pairwise(begins):
            mixed = order[begin:end]
            if end - begin > 1 and (said.group.take(mixed) != said.group[mixed[0]]).any():
                rows = said.row.take(mixed).tolist()
                if (pair := self._nearest_conflict(said.group.take(mixed).tolist())) is not None:
                    self._part(rows[pair[0]], rows[pair[1]])
                    return True
        return False

    def _chains(self) -> Int64:
        follower = self._state.follower
        return end_of_chain(np.where(follower < 0, np.arange(len(follower)), follower))

    def _nearest_conflict(self, groups: list[int]) -> tuple[int, int] | None:
        """The nearest two places, in order of time, whose groups are different objects."""
        latest: dict[int, int] = {}
        best: tuple[int, int] | None = None
        for at, group in enumerate(groups):
            latest[group] = at
            for other in self._said.different.get(group, ()):
                if other in latest and (best is None or at - latest[other] < best[1] - best[0]):
                    best = (latest[other], at)
        return best

    def _part(self, row: int, other: int) -> None:
        """Parts two detections of different objects that lie on one chain, the first one earlier."""
        state, said = self._state, self._said
        loose = [group for group in (said.group_of(row), said.group_of(other)) if group not in self._strict]
        loose = [group for group in loose if len(said.rows_of(group)) > 1]
        if loose:  # first its own chain is held, past the other object
            self._strict.update(loose)
            self._requeue(loose)
            return
        first, last = state.table.piece_of(np.array([row, other])).tolist()
        chain = [first]
        while chain[-1] != last:
            chain.append(int(state.follower[chain[-1]]))
        pairs = np.array([state.pair(a, b) for a, b in pairwise(chain)], np.int64)
        free = pairs[state.forced.take(pairs) < 0]
        if len(free):
            state.forbid(free[[state.gain.take(free).argmin()]])
        elif not self._cut_between(chain):  # forced links lead from one to the other: they avoid both from now on
            holders = sorted({said.group_of(one) for one in state.forced.take(pairs).tolist()})
            self._strict.update(holders)
            for group in holders:
                state.release(np.isin(state.forced, said.rows_of(group)).nonzero()[0])
            self._requeue(holders)

    def _cut_between(self, pieces: list[int]) -> bool:
        """Cuts one of the pieces where it is cheapest between two detections of different groups, if there are any."""
        said, table = self._said, self._state.table
        piece = table.piece_of(said.row)
        at = np.isin(piece, pieces).nonzero()[0]
        at = at.take(np.argsort(table.place.take(said.row.take(at))))
        piece, group, place = piece.take(at), said.group.take(at), table.place.take(said.row.take(at))
        mixed = ((piece[1:] == piece[:-1]) & (group[1:] != group[:-1])).nonzero()[0]
        if len(mixed) == 0:
            return False
        cuts = [table.weakest_between(int(place[k]), int(place[k + 1])) for k in mixed]
        self._state.cut([cuts[int(table.cut_cost.take(cuts).argmin())]])
        self._requeue(group.tolist())
        return True

    def _requeue(self, groups: Iterable[int]) -> None:
        self._waiting += [group for group in dict.fromkeys(groups) if group not in self._waiting]

    def _separate(self, group: int) -> None:
        """Cuts pieces that show the group and a different one."""
        state, said = self._state, self._said
        other = said.different.get(group)
        if not other:
            return
        while True:
            mine = state.table.piece_of(said.rows_of(group))
            piece = state.table.piece_of(said.row)
            wanted = np.isin(said.group, [group, *other]) & np.isin(piece, mine)
            at = wanted.nonzero()[0]
            at = at.take(np.lexsort((self._frame.take(said.row.take(at)), piece.take(at))))
            is_mine = said.group.take(at) == group
            clash = ((piece.take(at)[1:] == piece.take(at)[:-1]) & (is_mine[1:] != is_mine[:-1])).nonzero()[0]
            if len(clash) == 0:
                return
            before, after = state.table.place.take(said.row.take(at[clash[0] : clash[0] + 2])).tolist()
            state.cut([state.table.weakest_between(before, after)])

    def _bring_in_order(self, group: int) -> None:
        """Cuts pieces of the group that are seen at one time, so that one ends before the other starts."""
        state = self._state
        places = state.table.place.take(self._said.rows_of(group)).tolist()
        for before, after in pairwise(places):
            p, q = state.table.piece_at(np.array([before, after])).tolist()
            if p == q or state.last[p] < state.first[q]:
                continue
            parts = len(state.table)
            first_end = int(state.table.end[p])
            cuts = state.table.cuts_in_order(before, after)
            state.cut(cuts)
            rest = state.table.piece_at(np.array([first_end - 1]))[0]
            if len(state.table) - parts == 2:
                state.cross(q, int(rest))

    def _forbid_links(self, group: int) -> None:
        """Forbids all candidate links from the group's pieces to those of different groups."""
        state, said = self._state, self._said
        other = said.different.get(group)
        if not other:
            return
        mine = np.unique(state.table.piece_of(said.rows_of(group)))
        theirs = np.unique(state.table.piece_of(said.row[np.isin(said.group, list(other))]))
        out, into = state.by_end.items(mine)[0], state.by_start.items(mine)[0]
        out, into = out[np.isin(state.later.take(out), theirs)], into[np.isin(state.earlier.take(into), theirs)]
        pairs = np.unique(np.concatenate([out, into]))
        state.forbid(pairs[state.forced.take(pairs) < 0])  # a forced one shows that a piece must be cut

    def _connect(self, group: int) -> None:
        """Forces what links the group's pieces: the present chain where it can stay, else the best path."""
        state, said = self._state, self._said
        rows = said.rows_of(group)
        own = np.isin(state.forced, rows).nonzero()[0]
        held = set(zip(state.earlier.take(own).tolist(), state.later.take(own).tolist(), strict=True))
        state.release(own)
        pieces = list(dict.fromkeys(state.table.piece_of(rows).tolist()))
        if len(pieces) < 2:
            return
        state.solve()
        marked = self._marked_by({*said.group.tolist()} - {group})
        strict = group in self._strict
        barred = marked if strict else self._marked_by(said.different.get(group, frozenset()))
        for a, b in pairwise(pieces):
            chain = self._present_chain(a, b, barred)
            if chain is not None:
                direct = len(chain) == 2
                if direct or strict or (chain[0], chain[1]) in held:
                    self._force(chain, int(rows[0]))
                continue
            chain = self._best_path(a, b, marked)
            if chain is None:
                self._make_way(group, a, b)
                return
            self._force(chain, int(rows[0]))

    def _marked_by(self, groups: Iterable[int]) -> set[int]:
        """The pieces of some groups."""
        said = self._said
        return set(self._state.table.piece_of(said.row[np.isin(said.group, list(groups))]).tolist())

    def _present_chain(self, a: int, b: int, barred: set[int]) -> list[int] | None:
        """The pieces from a to b in the present optimum, if it leads there and by none of the barred ones."""
        chain = [a]
        while chain[-1] != b:
            following = int(self._state.follower[chain[-1]])
            if following < 0 or (following != b and following in barred):
                return None
            chain.append(following)
        return chain

    def _force(self, chain: list[int], row: int) -> None:
        state = self._state
        for earlier, later in pairwise(chain):
            pair = state.pair(earlier, later)
            if pair < 0:
                pair = state.add_pair(earlier, later, UNKNOWN_LOG_ODDS)
                state.extend(earlier, later)
            if state.forced[pair] < 0:  # else another group holds it already
                state.force(pair, row)

    def _best_path(self, a: int, b: int, marked: set[int]) -> list[int] | None:
        """The pieces from a to b at the least loss of log-odds, directly at `UNKNOWN_LOG_ODDS` at worst.

        A link costs what it breaks: the links that its end and its start have now, minus its own log-odds.
        """
        state = self._state
        if state.forced_end[a] >= 0 or state.forced_start[b] >= 0:
            return None
        worth = state.log_odds - state.free_end.take(state.earlier) - state.free_start.take(state.later)
        present = (state.follower.take(state.earlier) == state.later).nonzero()[0]
        out, into = np.zeros((2, len(state.table)))
        out[state.earlier.take(present)] = into[state.later.take(present)] = np.maximum(worth.take(present), 0)
        loss = np.maximum(out.take(state.earlier) + into.take(state.later) - worth, 0)
        loss[present] = 0
        barred = (state.last >= state.first[b]) | (state.forced_end >= 0) | (state.forced_start >= 0)
        barred[list(marked)] = True
        barred[b] = False
        loss[state.forbidden | barred.take(state.later)] = np.inf
        cost = np.full(len(barred), np.inf)
        cost[a], cost[b] = 0, out[a] + into[b] - UNKNOWN_LOG_ODDS
        nodes = np.array([a])
        while len(nodes):
            pairs, _ = state.by_end.items(nodes)
            total = cost.take(state.earlier.take(pairs)) + loss.take(pairs)
            less = (total < np.minimum(cost.take(state.later.take(pairs)), cost[b])).nonzero()[0]
            to = state.later.take(pairs.take(less))
            np.minimum.at(cost, to, total.take(less))
            nodes = np.unique(to[to != b])
        chain = [b]
        while chain[-1] != a:
            pairs, _ = state.by_start.items(np.array(chain[-1:]))
            total = cost.take(state.earlier.take(pairs)) + loss.take(pairs)
            if len(pairs) == 0 or total.min() > cost[chain[-1]]:
                return [a, b]
            chain.append(int(state.earlier[pairs[total.argmin()]]))
        return chain[::-1]

    def _make_way(self, group: int, a: int, b: int) -> None:
        """Frees the end of a or the start of b, which a link of another group holds."""
        state, said = self._state, self._said
        piece, pair = (a, state.forced_end[a]) if state.forced_end[a] >= 0 else (b, state.forced_start[b])
        holder = said.group_of(int(state.forced[pair]))
        if piece in state.table.piece_of(said.rows_of(holder)):
            self._cut_between([piece])
        else:  # the path of the other group only passes here
            state.release(np.isin(state.forced, said.rows_of(holder)).nonzero()[0])
            self._requeue([group, holder])
