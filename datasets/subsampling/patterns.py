"""Gap patterns whose rate changes on the way: the frames of a sequence that they keep."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tracker.types import Int64

STRETCH_S = (1.0, 3.0)  # seconds at one rate
SLOW = 10  # the lower rate is the full one divided by this
LONGEST_SLOW_S = 0.5  # seconds between two frames at the lower rate, at most
ON_S, OFF_S = (0.5, 1.5), (1.0, 5.0)  # seconds with frames, and without


def switching(n: int, rate: float, rng: np.random.Generator) -> Int64:
    """(n,) source frames from 0, increasing: 1 to 3 s at the full `rate`, then 1 to 3 s at a tenth of it, and so on."""
    slow = max(1, min(SLOW, round(LONGEST_SLOW_S * rate)))
    step, at, fast = np.ones(n, np.int64), 0, bool(rng.integers(2))
    while at < n:
        stride = 1 if fast else slow
        end = at + max(2, round(rng.uniform(*STRETCH_S) * rate / stride))
        step[at:end] = stride
        at, fast = end, not fast
    return np.concatenate([[0], np.cumsum(step[1:])])


def interrupted(n: int, rate: float, rng: np.random.Generator) -> Int64:
    """(n,) source frames from 0, increasing: 0.5 to 1.5 s at the full `rate`, then 1 to 5 s without any, and so on."""
    step, at = np.ones(n, np.int64), 0
    while at < n:
        at += max(1, round(rng.uniform(*ON_S) * rate))
        if at < n:
            step[at] += round(rng.uniform(*OFF_S) * rate)
    return np.concatenate([[0], np.cumsum(step[1:])])


# (frames, frames a second of the sequence, random numbers) -> the source frames
PATTERNS: dict[str, Callable[[int, float, np.random.Generator], Int64]] = {
    "switching": switching,
    "interrupted": interrupted,
}
