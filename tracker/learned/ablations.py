"""Ablations: heads that lack one thing, so that a benchmark shows what that thing is worth. Not for tracking."""

from __future__ import annotations

import numpy as np

from models.association_head.inference import Array, HeadNumpy


class ShuffledTime(HeadNumpy):
    """A head whose state is given another track's elapsed time: what it loses is what true time is worth to it."""

    def step(self, x: Array, h: Array, dt: Array) -> Array:
        return super().step(x, h, np.roll(dt, 1))

    def query(self, h: Array, elapsed: Array) -> tuple[Array, Array]:
        return super().query(h, np.roll(elapsed, 1))
