"""What a person says about detections, read together: groups that show one object, and groups that do not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import DataError
from tracker.offline.types import Constraint
from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class Statements:
    """Constraints that do not contradict each other.

    Attributes:
        frame: (N,) index into `times` of each detection.
        times: (F,) seconds.
        constraints: what a person says, by rows of the detections.
        row: (M,) detections that the constraints name, by group, then by frame.
        group: (M,) the smallest detection that shows the same object by all must-links together.
        different: the groups that show another object than a group: by a cannot-link, or because both are seen in one
            frame.
    """

    frame: Int64
    times: Float64
    constraints: tuple[Constraint, ...]
    row: Int64
    group: Int64
    different: dict[int, frozenset[int]]

    @classmethod
    def none(cls, frame: Int64, times: Float64) -> Statements:
        """Nothing is said about the detections."""
        return cls(frame, times, (), np.zeros(0, np.int64), np.zeros(0, np.int64), {})

    def rows_of(self, group: int) -> Int64:
        """The detections of one group, by frame."""
        first, last = np.searchsorted(self.group, [group, group + 1]).tolist()
        return self.row[first:last]

    def group_of(self, row: int) -> int:
        """The group of a detection that a constraint names."""
        return int(self.group[(self.row == row).argmax()])

    def extended(self, constraint: Constraint) -> Statements:
        """With one constraint more.

        Raises:
            DataError: it names a row out of range, or contradicts the others, which are named by their place from 1.
        """
        constraints = (*self.constraints, constraint)
        where = _Where(constraints, self.frame, self.times)
        row, group, different = self.row, self.group, dict(self.different)
        for one in (constraint.first, constraint.second):
            if not 0 <= one < len(self.frame):
                raise DataError(where.out_of_range(one))
            if not (row == one).any():
                for other in group[self.frame.take(row) == self.frame[one]].tolist():
                    _note(different, one, other)
                row, group = np.append(row, one), np.append(group, one)
        a, b = (int(group[(row == one).argmax()]) for one in (constraint.first, constraint.second))
        if constraint.same and a != b:
            if b in different.get(a, ()):
                raise DataError(where.cannot_be_one(row[group == a], row[group == b]))
            a, b = min(a, b), max(a, b)
            group = np.where(group == b, a, group)
            for other in different.pop(b, frozenset()):
                different[other] -= {b}
                _note(different, a, other)
        elif not constraint.same:
            if a == b:
                raise DataError(where.both_same_and_different(len(constraints)))
            _note(different, a, b)
        order = np.lexsort((self.frame.take(row), group))
        return Statements(self.frame, self.times, constraints, row[order], group[order], different)


def read_constraints(constraints: Iterable[Constraint], frame: Int64, times: Float64) -> Statements:
    """All constraints about N detections together.

    Args:
        constraints: what a person says, by rows of the detections.
        frame: (N,) index into `times` of each detection.
        times: (F,) seconds.

    Raises:
        DataError: as `Statements.extended`.
    """
    said = Statements.none(frame, times)
    for one in constraints:
        said = said.extended(one)
    return said


def _note(different: dict[int, frozenset[int]], a: int, b: int) -> None:
    different[a] = different.get(a, frozenset()) | {b}
    different[b] = different.get(b, frozenset()) | {a}


class _Where:
    """Sentences about constraints that contradict each other."""

    def __init__(self, constraints: Sequence[Constraint], frame: Int64, times: Float64) -> None:
        self._constraints, self._frame, self._times = constraints, frame, times

    def out_of_range(self, row: int) -> str:
        number, n = len(self._constraints), len(self._frame)
        if n == 0:
            return f"constraint {number} names detection {row}, but there are none; remove it."
        return f"constraint {number} names detection {row}, but there are {n}; give rows from 0 to {n - 1}."

    def cannot_be_one(self, rows: Int64, others: Int64) -> str:
        """Why the last constraint cannot join two groups of detections."""
        for number, one in enumerate(self._constraints, 1):
            if (
                not one.same
                and {one.first, one.second} & {*rows.tolist()}
                and {one.first, one.second} & {*others.tolist()}
            ):
                return self.both_same_and_different(number)
        _, i, j = np.intersect1d(self._frame.take(rows), self._frame.take(others), return_indices=True)
        return self.in_one_frame(int(rows[i[0]]), int(others[j[0]]))

    def in_one_frame(self, row: int, other: int) -> str:
        frame = int(self._frame[row])
        said, verb, remove = self._said(row, other)
        return (
            f"{said} {verb} that detections {row} and {other} are the same object, but both are in frame {frame} "
            f"({self._times[frame]:.3f} s); {remove}."
        )

    def both_same_and_different(self, number: int) -> str:
        one = self._constraints[number - 1]
        if one.first == one.second:
            return f"constraint {number} says that {self._name(one.first)} differs from itself; remove it."
        said, verb, _ = self._said(one.first, one.second)
        return (
            f"constraint {number} says that {self._name(one.first)} and {self._name(one.second)} are different "
            f"objects, but {said} {verb} that they are the same; remove one of these constraints."
        )

    def _name(self, row: int) -> str:
        frame = int(self._frame[row])
        return f"detection {row} (frame {frame}, {self._times[frame]:.3f} s)"

    def _said(self, row: int, other: int) -> tuple[str, str, str]:
        numbers = [str(k) for k in sorted(self._chain(row, other))]
        if len(numbers) == 1:
            return f"constraint {numbers[0]}", "says", "remove it"
        return f"constraints {', '.join(numbers[:-1])} and {numbers[-1]}", "say", "remove one of them"

    def _chain(self, row: int, other: int) -> list[int]:
        """The places of the fewest must-links that lead from one detection to the other."""
        beside: dict[int, list[tuple[int, int]]] = {}
        for number, one in enumerate(self._constraints, 1):
            if one.same:
                beside.setdefault(one.first, []).append((one.second, number))
                beside.setdefault(one.second, []).append((one.first, number))
        came: dict[int, tuple[int, int]] = {row: (row, 0)}
        waiting = deque([row])
        while waiting and other not in came:
            here = waiting.popleft()
            for there, number in beside.get(here, []):
                if there not in came:
                    came[there] = (here, number)
                    waiting.append(there)
        chain = []
        while other != row:
            other, number = came[other]
            chain.append(number)
        return chain
