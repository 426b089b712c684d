"""Ablations: heads with one component removed, for benchmarks of that component. Not for tracking."""

from __future__ import annotations

import numpy as np

from models.association_head.inference import HeadNumpy
from models.runtime.arrays import Float32


class ShuffledTime(HeadNumpy):
    """A head whose state gets the elapsed time of another track: the loss measures the contribution of true time."""

    def step(self, x: Float32, h: Float32, dt: Float32) -> Float32:
        return super().step(x, h, np.roll(dt, 1))

    def query(self, h: Float32, elapsed: Float32) -> tuple[Float32, Float32]:
        return super().query(h, np.roll(elapsed, 1))
