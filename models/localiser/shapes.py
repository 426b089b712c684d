"""Geometry of the localiser: the grid of the template, and what is told about each of its cells."""

from __future__ import annotations

import numpy as np

from models.runtime.arrays import Float32

CHANNELS = (40, 112)  # of the frozen maps of strides 8 and 16
STRIDE = 16  # pixels of the crop a cell
TEMPLATE = 8  # cells of a side of the template
OBJECT = 4.0  # cells a side of a square of the object's area: the template is twice as wide as the object
PLACE = 7  # numbers about each cell of the template


def template_grid(xyxy: Float32) -> tuple[Float32, Float32]:
    """Where a template is read.

    Args:
        xyxy: (B, 4) boxes in pixels of their crops.

    Returns:
        (B, T, T, 2) points in cells of the map of stride 16, (0, 0) at the centre of the first cell, and (B, PLACE, T,
        T): whether the point lies in the box, its offset from the middle in sides of the object, and its signed
        distances to the four edges in the same unit.
    """
    box = np.asarray(xyxy, np.float32) / STRIDE
    size = np.maximum(box[:, 2:] - box[:, :2], 0.05)
    middle, side = (box[:, :2] + box[:, 2:]) / 2 - 0.5, np.sqrt(size.prod(axis=1))
    steps = (np.arange(TEMPLATE, dtype=np.float32) - (TEMPLATE - 1) / 2) / OBJECT
    offset = np.stack(np.meshgrid(steps, steps), axis=-1)  # (T, T, 2) x and y, in sides
    half = (size / side[:, None] / 2)[:, None, None]
    low, high = offset + half, half - offset
    inside = (np.minimum(low, high) > 0).all(axis=-1, keepdims=True)
    told = np.concatenate([inside, np.broadcast_to(offset, low.shape), low, high], axis=-1).astype(np.float32)
    points = middle[:, None, None] + offset * side[:, None, None, None]
    return points.astype(np.float32), np.ascontiguousarray(told.transpose(0, 3, 1, 2))
