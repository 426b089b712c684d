"""Features for mask propagation: a frozen CNN's maps at several strides side by side, reduced to few channels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from models.backbones.feature_maps import FrozenMaps
from models.runtime.maths import unit
from tracker.types import Float32, UInt8

STRIDES = (8, 16, 32)
CELL = 8  # pixels of the crop's image a cell
NUMBERS = 96  # principal components of the first frame that are kept, of 472 channels


@lru_cache(maxsize=32)
def _resampling(source: int, target: int) -> Float32:
    """(target, source) matrix that resamples a row of cells to another number of cells."""
    how = cv2.INTER_AREA if source > target else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.eye(source, dtype=np.float32), (source, target), interpolation=how), np.float32)


def cell_features(maps: Sequence[Float32], cells: int) -> Float32:
    """(C, N, N) maps of any strides -> (cells * cells, D) unit features, row by row; all maps have equal weight."""
    parts = []
    for one in maps:
        grid = one
        if grid.shape[1] != cells:
            u = _resampling(grid.shape[1], cells)
            grid = np.asarray(u @ grid @ u.T, np.float32)
        parts.append(unit(grid, 0, 1e-6, flat=False))
    flat = np.concatenate(parts).reshape(-1, cells * cells).T
    flat /= np.float32(len(maps) ** 0.5)
    return flat


class CellFeatures:
    """The frozen CNN on square images; arguments and errors are those of `FrozenMaps`."""

    def __init__(self, threads: int = 0, device: str = "auto", weights: str | None = None) -> None:
        self._maps = FrozenMaps(STRIDES, threads, device, weights)

    def __call__(self, bgr: UInt8, cells: int) -> Float32:
        """(S, S, 3) image -> (cells * cells, 472) unit features, row by row; strides have equal weight."""
        return cell_features([one[0] for one in self._maps([bgr])], cells)


class CellProjection:
    """The principal components of one object's first crop.

    Args:
        features: (N, D) of the first frame's cells.
    """

    def __init__(self, features: Float32) -> None:
        self._mean = features.mean(axis=0)
        spread = features - self._mean
        _, axes = np.linalg.eigh(spread.T @ spread)
        self._axes = np.ascontiguousarray(axes[:, ::-1][:, :NUMBERS].astype(np.float32))

    def __call__(self, features: Float32) -> Float32:
        """(N, D) -> (N, NUMBERS) of unit length."""
        return unit((features - self._mean) @ self._axes, 1, 1e-6, flat=False)
