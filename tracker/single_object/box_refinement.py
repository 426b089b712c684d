"""Box refinement: a ridge regression from the features in a box to the error of the box, fitted online.

Boxes are moved and stretched at random around the known one, and the error of each is regressed on the features in it
(Jurie & Dhome, "Hyperplane approximation for template matching", PAMI 2002; MDNet's box regression, Nam & Han, CVPR
2016, is the same with a CNN's features). Width and height are separate targets, so that the aspect ratio adapts too.
"""

from __future__ import annotations

import numpy as np

from models.backbones.roi_align import roi_align
from tracker.single_object.search_region import CELL
from tracker.types import Float32, Float64

BINS = 4  # cells a side of the grid of features in a box
GROW = 1.25  # side of the grid in sides of the box: it includes some surroundings
RIDGE = 2 / 300  # share of the features' total power
SHIFT, STRETCH, SQUEEZE = 0.1, 0.12, 0.07  # standard deviations of the training errors: sides, log size, log aspect
FIRST_SHARE = 0.5  # share of the weight that the user's own box keeps
MEMORY_S = 1.0  # seconds, time constant of the weights of later examples
FIRST_STEPS, STEPS = 60, 8  # steps of conjugate gradients: at first, later


def box_descriptor(features: Float32, centre: Float64, size: Float64) -> Float32:
    """(C, N, N) features and K boxes, (K, 2) centres and sizes in cells -> (K, C BINS BINS)."""
    half = size * GROW / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1) + 0.5  # roi_align's origin is the map's corner
    return roi_align(features, (boxes * CELL).astype(np.float32), (BINS, BINS), (1 / CELL, 1 / CELL), 2).reshape(
        len(boxes), -1
    )


class Refiner:
    """Learns from examples around known boxes, and corrects other boxes. Deterministic for the same examples."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._first: tuple[Float32, Float32] | None = None
        self._later: tuple[Float32, Float32] | None = None
        self._total = 0.0  # sum of the weights of later examples
        self._time = 0.0
        self._map = np.zeros((0, 4), np.float32)

    def examples(self, features: Float32, centre: Float64, size: Float64, count: int) -> tuple[Float32, Float32]:
        """(count, D + 1) descriptors of wrong boxes with a constant, (count, 4) their errors.

        Args:
            features: (C, N, N).
            centre: (2,) centre of the right box, cells.
            size: (2,) its size, cells.
            count: number of examples.
        """
        random = self._random
        shift = np.clip(random.normal(0, SHIFT, (count, 2)), -0.25, 0.25)
        stretch, squeeze = random.normal(0, STRETCH, (count, 1)), random.normal(0, SQUEEZE, (count, 1))
        log = np.clip(np.concatenate([stretch + squeeze, stretch - squeeze], axis=1), -0.3, 0.3)
        wrong = box_descriptor(features, centre + shift * size, size * np.exp(log))
        error = np.concatenate([-shift / np.exp(log), -log], axis=1)
        return np.concatenate([wrong, np.ones((count, 1), np.float32)], axis=1), error.astype(np.float32)

    def start(self, x: Float32, y: Float32, time: float) -> None:
        """Learns from examples of the user's own box."""
        self._first, self._time = _moments(x, y), time
        self._map = np.zeros((x.shape[1], 4), np.float32)
        self.solve(FIRST_STEPS)

    def remember(self, x: Float32, y: Float32, time: float) -> None:
        """Adds later examples at `time` seconds; the weights of older ones decay."""
        new, kept = _moments(x, y), self._total * float(np.exp((self._time - time) / MEMORY_S))
        self._total, self._time = kept + 1, time
        if self._later is None:
            self._later = new
        else:
            self._later = (
                (self._later[0] * kept + new[0]) / self._total,
                (self._later[1] * kept + new[1]) / self._total,
            )

    def solve(self, steps: int = STEPS) -> None:
        """Runs `steps` steps of conjugate gradients on the normal equations, for all four targets at once."""
        assert self._first is not None
        square, product = self._first
        if self._later is not None:
            share = max(FIRST_SHARE, 1 / (1 + self._total))
            square = share * square + (1 - share) * self._later[0]
            product = share * product + (1 - share) * self._later[1]
        diagonal = np.full((len(square), 1), RIDGE * np.trace(square[:-1, :-1]), np.float32)
        diagonal[-1] = 1e-6
        w = self._map
        residual = product - square @ w - diagonal * w
        direction, length = residual, (residual * residual).sum(axis=0)
        for _ in range(steps):
            moved = square @ direction + diagonal * direction
            step = length / np.maximum((direction * moved).sum(axis=0), 1e-20)
            w, residual = w + step * direction, residual - step * moved
            before, length = length, (residual * residual).sum(axis=0)
            direction = residual + length / np.maximum(before, 1e-20) * direction
        self._map = w

    def __call__(self, features: Float32, centre: Float64, size: Float64) -> Float64:
        """(K, 4) estimated errors of K boxes: shift of the centre in own sides, change of log width and log height."""
        wrong = box_descriptor(features, centre, size) @ self._map[:-1] + self._map[-1]
        return np.asarray(np.clip(wrong, -0.25, 0.25), np.float64)


def _moments(x: Float32, y: Float32) -> tuple[Float32, Float32]:
    share = np.float32(1 / len(x))
    return np.asarray(x.T @ x * share, np.float32), np.asarray(x.T @ y * share, np.float32)
