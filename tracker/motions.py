"""The `Motion` plug-ins by name."""

from __future__ import annotations

from collections.abc import Callable

from tracker.config import TrackerConfig
from tracker.controls import ShuffledTime
from tracker.kalman_motion import KalmanMotion
from tracker.liquid_motion import LiquidMotion
from tracker.motion import Motion

MOTIONS: dict[str, Callable[[TrackerConfig], Motion]] = {
    "kalman": lambda config: KalmanMotion(),
    "liquid": LiquidMotion.build,
    "liquid-shuffled": lambda config: LiquidMotion.build(config, ShuffledTime),
}
