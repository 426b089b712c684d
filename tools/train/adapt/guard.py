"""Whether an adapted head is better: paired differences of held-back blocks of time, with a bootstrap over blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tracker.types import Float64

# Shares of the change that are tried, the largest first; a part of the small step of the biases is not worth a look.
SHARES = {"biases": (1.0,), "weights": (1.0, 0.5, 0.25)}
SAMPLES = 4000
LOWER = 1.0  # percentile of the resamples that must lie above 0
LEAST_GAIN = 0.1  # points of agreement; less is not worth another file
REHEARSAL_ERRORS = 1.0  # standard errors by which the rehearsal's loss may be larger


@dataclass(frozen=True, slots=True)
class GuardResult:
    """What was found about one share of a change of the weights.

    Attributes:
        stage: what moved.
        share: share of the change, 0..1.
        gain: mean difference of the agreement of held-back blocks, points of association accuracy.
        error: its standard error.
        low: its first percentile over the resamples.
        blocks: number of blocks.
        rehearsal: mean difference of the rehearsal's loss on the kind of scene that fares worst; None without one.
        rehearsal_error: its standard error.
        accepted: whether it is better.
    """

    stage: str
    share: float
    gain: float
    error: float
    low: float
    blocks: int
    rehearsal: float | None
    rehearsal_error: float | None
    accepted: bool

    def to_json(self) -> dict[str, Any]:
        """All of it, for the report."""
        return asdict(self)


def decide(stage: str, share: float, gains: Float64, rehearsal: Sequence[ArrayLike] = ()) -> GuardResult:
    """The verdict about one head.

    Args:
        stage: what moved.
        share: share of the change.
        gains: (B,) agreement of each held-back block, adapted minus before.
        rehearsal: for each kind of simulated scene, (R,) loss of each clip, adapted minus before. None may be worse:
            what is gained on one kind does not pay for what is lost on another.
    """
    rng = np.random.default_rng(0)
    count = len(gains)
    means = gains[rng.integers(count, size=(SAMPLES, count))].mean(axis=1)
    gain, error, low = float(gains.mean()), float(means.std()), float(np.percentile(means, LOWER))
    good = gain > max(error, LEAST_GAIN) and low > 0
    loss = spread = None
    if rehearsal:
        loss, spread = max((_mean(np.asarray(one, np.float64)) for one in rehearsal), key=lambda m: m[0] / (m[1] or 1))
        good &= loss <= REHEARSAL_ERRORS * spread
    return GuardResult(stage, share, gain, error, low, count, loss, spread, bool(good))


def _mean(values: Float64) -> tuple[float, float]:
    """The mean and its standard error."""
    return float(values.mean()), float(values.std() / np.sqrt(len(values)))
