"""The `Motion` plug-ins by name."""

from __future__ import annotations

from collections.abc import Callable

from tracker.kalman_motion import KalmanMotion
from tracker.motion import Motion

MOTIONS: dict[str, Callable[[], Motion]] = {"kalman": KalmanMotion}
