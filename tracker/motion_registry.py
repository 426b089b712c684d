"""The `Motion` and `Associator` plug-ins by name."""

from __future__ import annotations

import math
from collections.abc import Callable

from tracker.association.costs import COSTS, Cost
from tracker.association.matching import Associator, TwoStage
from tracker.config import TrackerConfig
from tracker.learned.ablations import ShuffledTime
from tracker.learned.association import Learned
from tracker.learned.compiled.engine import CompiledAssociation, CompiledMotion, compiled
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion.base import Motion
from tracker.motion.kalman_mixture import KalmanMotion

MOTIONS: dict[str, Callable[[TrackerConfig], Motion]] = {
    "kalman": lambda config: KalmanMotion(),
    "liquid": lambda config: compiled(LiquidMotion.build(config)),
    "liquid-numpy": LiquidMotion.build,
    "liquid-shuffled": lambda config: LiquidMotion.build(config, ShuffledTime),
}


def logit(probability: float) -> float:
    """The log-odds of a probability in (0, 1)."""
    return math.log(probability / (1 - probability))


def _two_stage(cost: Cost) -> Callable[[TrackerConfig, Motion], Associator]:
    def build(config: TrackerConfig, motion: Motion) -> Associator:
        return TwoStage(cost, config.high_score, logit(config.match_probability), logit(config.low_match_probability))

    return build


def own_associator(config: TrackerConfig, motion: Motion) -> Associator:
    """The associator that was trained with the motion, if there is one, else the mix of all cues."""
    thresholds = logit(config.match_probability), logit(config.new_track_match_probability)
    if isinstance(motion, CompiledMotion):
        return CompiledAssociation(motion.kernels, motion.head, *thresholds)
    if isinstance(motion, LiquidMotion):
        return Learned(motion.head, *thresholds)
    return _two_stage(COSTS["mix"])(config, motion)


# By the name of `TrackerConfig.cost`.
ASSOCIATORS: dict[str, Callable[[TrackerConfig, Motion], Associator]] = {
    "own": own_associator,
    **{name: _two_stage(cost) for name, cost in COSTS.items()},
}
