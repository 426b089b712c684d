"""Online calibration: the spread of predictions adapts to the current camera, from the tracker's confident matches.

One factor a coordinate multiplies the predicted standard deviations. A confident match outside the 90 % interval
raises the factor by a small step, one inside lowers it by a ninth of that step. It converges where 90 % of matches lie
inside, for any distribution of the errors (adaptive conformal inference: Gibbs & Candes, NeurIPS 2021, here on the
logarithm of the factor). A wrong match changes it by a bounded amount only, and the factors are bounded.
"""

from __future__ import annotations

import numpy as np

from tracker.motion.base import Observations
from tracker.types import Float64

STEP_SIZE = 0.001  # change of the logarithm at one match
MISS_RATE = 0.1  # target share of matches outside the interval
# half the 90 % interval of a Student-t with `head_config.STUDENT_T_DOF` degrees of freedom, in its scale
HALF_INTERVAL = 2.353
MAX_LOG_FACTOR = np.log(2.0)  # factors stay within 1/2 to 2
MIN_SCORE, MAX_CROWDING = 0.6, 0.3  # least score and largest crowding of a match that is used


class OnlineCalibration:
    """The factors of the predicted spread: `factor` is (4,), for centre x, centre y, log width and log height."""

    def __init__(self) -> None:
        self.factor = np.ones(4)

    def learn(self, errors: Float64, observations: Observations) -> None:
        """Updates the factors from prediction errors (N, 4), in standard deviations, at matches with `observations`."""
        good = observations.score >= MIN_SCORE
        if observations.crowding is not None:
            good &= observations.crowding <= MAX_CROWDING
        score = ((abs(errors[good]) > HALF_INTERVAL) / MISS_RATE - 1).sum(axis=0)
        self.factor = np.exp(np.clip(np.log(self.factor) + STEP_SIZE * score, -MAX_LOG_FACTOR, MAX_LOG_FACTOR))
