"""The search region: a square of the frame at the object's own scale, as features of a frozen CNN.

The square is a multiple of the object's size, so that the object always covers about the same number of cells of the
feature map, at any size in pixels. Strides 8 and 16 are used together: the first is precise in position, the second in
content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from models.backbones.feature_maps import FrozenMaps
from tracker.types import Float32, Float64, UInt8

STRIDES = (8, 16)
CELL = STRIDES[0]  # pixels of the crop a cell of the map
SIZE = 256  # pixels, side of the crop: 32 x 32 cells
CELLS = SIZE // CELL
CONTEXT = 4.0  # side of the window, in sides of a square of the object's area: 8 x 8 cells for the object
CHANNELS = 24  # channels kept of each stride's 40 and 112: 24 + 24 was as accurate as 40 + 48


@dataclass(frozen=True, slots=True)
class Window:
    """A square of the frame.

    Attributes:
        centre: (2,) pixels of the frame.
        side: pixels of the frame.
    """

    centre: Float64
    side: float

    @property
    def cell(self) -> float:
        """Pixels of the frame a cell."""
        return self.side / CELLS

    def to_cells(self, points: Float64) -> Float64:
        """(..., 2) pixels of the frame -> cells, with (0, 0) at the centre of the first cell."""
        return (points - self.centre) / self.cell + (CELLS - 1) / 2

    def to_pixels(self, cells: Float64) -> Float64:
        """The inverse of `to_cells`."""
        return self.centre + (cells - (CELLS - 1) / 2) * self.cell


def window(centre: Float64, size: Float64, zoom: float = 1.0) -> Window:
    """The window in which an object of `size` (width, height) in pixels is searched around `centre`."""
    return Window(np.asarray(centre, np.float64), CONTEXT * float(np.sqrt(size.prod())) * zoom)


def cut(bgr: UInt8, where: Window) -> UInt8:
    """(SIZE, SIZE, 3) the image in a window; beyond the frame its border is repeated."""
    height, width = bgr.shape[:2]
    scale = SIZE / where.side
    (x, y), at = where.centre, (0.0, 0.0)
    across = down = scale
    half = where.side / 2 + 4
    left, top = max(int(x - half), 0), max(int(y - half), 0)
    right, bottom = min(int(x + half) + 1, width), min(int(y + half) + 1, height)
    source = bgr
    if scale < 0.6 and right - left > 8 and bottom - top > 8:  # bilinear sampling alone would skip pixels
        source = bgr[top:bottom, left:right]
        size = max(2, round((right - left) * scale)), max(2, round((bottom - top) * scale))
        source = np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA), np.uint8)
        at = (left, top)
        across, down = scale * (right - left) / size[0], scale * (bottom - top) / size[1]
        x, y = (x - at[0]) * size[0] / (right - left), (y - at[1]) * size[1] / (bottom - top)
    middle = SIZE / 2 - 0.5  # of the crop, where pixel centres are whole numbers
    affine = np.array([[across, 0, middle - across * (x - 0.5)], [0, down, middle - down * (y - 0.5)]])
    picture = cv2.warpAffine(source, affine, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8)


class FrozenView(FrozenMaps):
    """The frozen CNN, shared by all objects; arguments and errors are those of `FrozenMaps`."""

    def __init__(self, threads: int = 0, device: str = "auto", weights: str | None = None) -> None:
        super().__init__(STRIDES, threads, device, weights)


class ChannelProjection:
    """The principal components of each stride's map around one object, both strides with the same mean power.

    Args:
        maps: (1, C, N, N) of each stride, from the first crop of the object.
    """

    def __init__(self, maps: Sequence[Float32]) -> None:
        self._parts = [_components(m[0].reshape(m.shape[1], -1)) for m in maps]

    def __call__(self, maps: Sequence[Float32]) -> Float32:
        """(B, C, N, N) of each stride -> (B, 2 CHANNELS, CELLS, CELLS)."""
        out = []
        for m, (mean, axes) in zip(maps, self._parts, strict=True):
            batch, channels, height, width = m.shape
            rows = [axes @ (one.reshape(channels, -1) - mean) for one in m]
            part = np.stack(rows).reshape(batch, -1, height, width)
            out.append(_twice(part) if height < CELLS else part)
        return np.concatenate(out, axis=1)


def _components(rows: Float32) -> tuple[Float32, Float32]:
    """(C, K) values -> (C, 1) mean, (CHANNELS, C) first principal axes, scaled to a mean variance of 1."""
    mean = rows.mean(axis=1, dtype=np.float64, keepdims=True)
    variance, axes = np.linalg.eigh(np.cov(rows.astype(np.float64)))
    variance, axes = variance[::-1][:CHANNELS], axes[:, ::-1][:, :CHANNELS]
    scale = 1 / np.sqrt(max(variance.mean(), 1e-9))  # an image of one colour has no variance
    return mean.astype(np.float32), np.ascontiguousarray(scale * axes.T, np.float32)


def _twice(maps: Float32) -> Float32:
    """(B, C, H, W) -> (B, C, 2 H, 2 W), bilinear: every cell is divided into four."""
    for axis in (2, 3):
        n = maps.shape[axis]
        before = maps.take(np.maximum(np.arange(n) - 1, 0), axis)
        after = maps.take(np.minimum(np.arange(n) + 1, n - 1), axis)
        pair = np.stack([0.75 * maps + 0.25 * before, 0.75 * maps + 0.25 * after], axis + 1)
        shape = list(maps.shape)
        shape[axis] *= 2
        maps = pair.reshape(shape).astype(np.float32, copy=False)
    return maps
