"""Ablations: heads that lack one thing, so that a benchmark shows what that thing is worth. Not for tracking."""

from __future__ import annotations

import numpy as np

from models.association_head.inference import HeadNumpy
from models.runtime.arrays import Float32


class ShuffledTime(HeadNumpy):
    """A head whose state is given another track's elapsed time: what it loses is what true time is worth to it."""

    def step(self, x: Float32, h: Float32, dt: Float32) -> Float32:
        return super().step(x, h, np.roll(dt, 1))

    def query(self, h: Float32, elapsed: Float32) -> tuple[Float32, Float32]:
        return super().query(h, np.roll(elapsed, 1))
