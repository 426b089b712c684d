"""The `Motion` plug-ins by name."""

from __future__ import annotations

from collections.abc import Callable

from tracker.config import TrackerConfig
from tracker.learned.ablations import ShuffledTime
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion.base import Motion
from tracker.motion.kalman_mixture import KalmanMotion

MOTIONS: dict[str, Callable[[TrackerConfig], Motion]] = {
    "kalman": lambda config: KalmanMotion(),
    "liquid": LiquidMotion.build,
    "liquid-shuffled": lambda config: LiquidMotion.build(config, ShuffledTime),
}
