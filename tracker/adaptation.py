"""Learning that goes on: the noise of predictions follows the camera at hand, from the tracker's own confident matches.

One factor a coordinate multiplies the predicted standard deviations. Each confident match moves its logarithm along the
score of a Student-t density of the error (the score-driven models of Creal, Koopman & Lucas, J. Applied Econometrics
28, 2013): a wrong match can only move it by a bounded amount, and the factors themselves are bounded.
"""

from __future__ import annotations

import numpy as np

from models.head_config import TAIL
from tracker.motion import Look
from tracker.types import Float64

RATE = 0.004  # of the logarithm, a match
MOST = np.log(2.0)  # no factor leaves 1/2 to 2
SURE, FREE = 0.6, 0.3  # least score and largest crowding of a match that is learned from


class Scales:
    """The factors; `factor` is (4,), for centre x, centre y, log width and log height."""

    def __init__(self) -> None:
        self.factor = np.ones(4)

    def reset(self) -> None:
        """Back to what was trained."""
        self.factor = np.ones(4)

    def learn(self, errors: Float64, look: Look) -> None:
        """From the errors (N, 4) of predictions, in their standard deviations, at the matches of `look`."""
        good = look.score >= SURE
        if look.crowding is not None:
            good &= look.crowding <= FREE
        square = errors[good] ** 2
        score = ((TAIL + 1) * square / (TAIL + square) - 1).sum(axis=0)
        self.factor = np.exp(np.clip(np.log(self.factor) + RATE * score, -MOST, MOST))
