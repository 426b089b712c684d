"""Delays of a live run, in memory that does not grow."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

STEP_S, STEPS = 1e-3, 60_000  # resolution, and the number of steps: a minute


@dataclass(frozen=True, slots=True)
class Delay:
    """Delays from the capture of a frame, in seconds.

    Attributes:
        count: number of frames.
        median: seconds.
        p95: seconds below which 95 % of them lie.
        most: seconds, the longest.
    """

    count: int
    median: float
    p95: float
    most: float

    def __str__(self) -> str:
        return f"{1000 * self.median:.0f} ms (95 %: {1000 * self.p95:.0f} ms)"


class Delays:
    """Collects delays, from any thread."""

    def __init__(self) -> None:
        self._counts = np.zeros(STEPS, np.int64)
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Adds one delay in seconds."""
        step = min(max(int(seconds / STEP_S), 0), STEPS - 1)
        with self._lock:
            self._counts[step] += 1

    def result(self) -> Delay | None:
        """The delays so far, to a millisecond; None before the first one."""
        with self._lock:
            upto = np.cumsum(self._counts)
        count = int(upto[-1])
        if not count:
            return None
        median, p95, most = ((np.searchsorted(upto, share * count) + 0.5) * STEP_S for share in (0.5, 0.95, 1.0))
        return Delay(count, float(median), float(p95), float(most))
