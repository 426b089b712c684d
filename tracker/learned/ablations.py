"""Controls: what lacks one thing, so that a benchmark shows what that thing is worth. Nobody tracks with them."""

from __future__ import annotations

import numpy as np

from models.association_head.inference import Array, HeadNumpy


class ShuffledTime(HeadNumpy):
    """A head whose memory is told another track's elapsed time: what it knows of time is worth what is lost here."""

    def step(self, x: Array, h: Array, dt: Array) -> Array:
        return super().step(x, h, np.roll(dt, 1))

    def query(self, h: Array, elapsed: Array) -> tuple[Array, Array]:
        return super().query(h, np.roll(elapsed, 1))
