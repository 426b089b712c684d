"""Online calibration: the spread of predictions follows the camera at hand, from the tracker's confident matches.

One factor a coordinate multiplies the predicted standard deviations. A confident match outside the 90 % interval
raises the factor a little, one inside lowers it by a ninth of that. It comes to rest where nine in ten lie inside,
whatever the distribution of the errors (adaptive conformal inference: Gibbs & Candes, NeurIPS 2021, here on the
logarithm of the factor). A wrong match moves it by a bounded amount only, and the factors are bounded.
"""

from __future__ import annotations

import numpy as np

from tracker.motion.base import Observations
from tracker.types import Float64

STEP_SIZE = 0.001  # of the logarithm, a match
MISS_RATE = 0.1  # share of matches that should lie outside of the interval
# half the 90 % interval of a Student-t with `head_config.STUDENT_T_DOF` degrees of freedom, in its scale
HALF_INTERVAL = 2.353
MAX_LOG_FACTOR = np.log(2.0)  # no factor leaves 1/2 to 2
MIN_SCORE, MAX_CROWDING = 0.6, 0.3  # least score and largest crowding of a match that is learned from


class OnlineCalibration:
    """The factors of the predicted spread: `factor` is (4,), for centre x, centre y, log width and log height."""

    def __init__(self) -> None:
        self.factor = np.ones(4)

    def learn(self, errors: Float64, observations: Observations) -> None:
        """From the errors (N, 4) of predictions, in their standard deviations, at the matches of `observations`."""
        good = observations.score >= MIN_SCORE
        if observations.crowding is not None:
            good &= observations.crowding <= MAX_CROWDING
        score = ((abs(errors[good]) > HALF_INTERVAL) / MISS_RATE - 1).sum(axis=0)
        self.factor = np.exp(np.clip(np.log(self.factor) + STEP_SIZE * score, -MAX_LOG_FACTOR, MAX_LOG_FACTOR))
