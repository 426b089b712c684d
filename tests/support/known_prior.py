"""A motion prior that simulated objects follow, to be found again."""

from __future__ import annotations

from tracker.motion.kalman_mixture import MotionMode

TRUE = MotionMode(0.8, 0.3, 0.02, 0.02, 0.1, 0.03, 0.15, 0.02)
