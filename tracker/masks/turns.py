"""Whose turn it is: which outlines are worked on in a frame, where not all of them fit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

import numpy as np

RATE = 0.2  # weight of a new duration in the average


class Work(Enum):
    """What is done for an outline; the value is the duration in seconds that is assumed before the first one."""

    START = 0.2
    FOLLOW = 0.1


class Turns:
    """Chooses, by urgency, what fits into a frame.

    Args:
        most: most pieces of work in a frame.
        budget: seconds of work in a frame; one piece is done in any case. None: no limit.
        clock: gives seconds.
    """

    def __init__(self, most: int, budget: float | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._most, self._budget, self._clock = most, budget, clock
        self._cost = {work: work.value for work in Work}
        self._measured: set[Work] = set()

    def choose(self, wanted: Sequence[Work], urgency: Sequence[float]) -> list[int]:
        """The indices of the pieces of work to do, the most urgent first; the first of equal ones."""
        chosen: list[int] = []
        left = np.inf if self._budget is None else self._budget
        for k in np.argsort(-np.asarray(urgency, np.float64), kind="stable").tolist():
            cost = self._cost[wanted[k]]
            if len(chosen) == self._most or (chosen and cost > left):
                break
            chosen.append(k)
            left -= cost
        return chosen

    @contextmanager
    def measured(self, work: Work, count: int) -> Iterator[None]:
        """Measures the duration of `count` pieces of work, if there are any."""
        begin = self._clock()
        yield
        if count:
            cost = (self._clock() - begin) / count
            self._cost[work] += (RATE if work in self._measured else 1.0) * (cost - self._cost[work])
            self._measured.add(work)
