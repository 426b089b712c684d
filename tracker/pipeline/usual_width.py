"""How wide each track usually is: a walking person's box is as wide as the stride, which changes faster than looks."""

from __future__ import annotations

import numpy as np

from tracker.types import Float64, Int64

MEMORY_S = 0.5  # seconds: about the period of a stride
STEADY = 0.15  # standard deviation of the log width at which the usual width counts as much as the last one


class UsualWidths:
    """Running mean and variance of the log width of every track, over about `MEMORY_S`. Call it once a look."""

    def __init__(self) -> None:
        self._id: Int64 = np.zeros(0, np.int64)
        self._sums: Float64 = np.zeros((0, 3))  # weight, mean, weighted squared deviations

    def __call__(self, id: Int64, width: Float64, elapsed: float) -> Float64:
        """Takes the log widths (N,) at which the tracks `id` (N,) were seen, `elapsed` seconds after the last look.

        Returns:
            (N, 2) the usual log width, and how much a prediction should go over to it, 0..1.
        """
        fade = np.exp(-elapsed / MEMORY_S)
        sums = np.zeros((len(id), 3))
        _, here, known = np.intersect1d(id, self._id, assume_unique=True, return_indices=True)
        sums[here] = self._sums[known] * (fade, 1.0, fade)
        weight = sums[:, 0] + 1
        gap = width - sums[:, 1]
        mean = sums[:, 1] + gap / weight
        squares = sums[:, 2] + gap * (width - mean)
        self._id, self._sums = id, np.column_stack([weight, mean, squares])
        variance = squares / weight
        return np.column_stack([mean, variance / (variance + STEADY**2)])
