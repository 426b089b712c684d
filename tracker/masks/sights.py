"""Which boxes show their object clearly, and how well a mask fits its box. Pure functions over arrays."""

from __future__ import annotations

import numpy as np

from tracker.boxes import overlaps
from tracker.masks.estimate import box_around
from tracker.types import Bool, Float32, Float64

BORDER_PX = 2.0  # pixels: a box that is nearer to the image's border may be cut off
MIN_SIDE_PX = 12.0  # pixels, least side of a box that shows an outline


def covered(xyxy: Float32) -> Float64:
    """(N,) the largest share of each of (N, 4) boxes that lies in another one; equal boxes are covered fully."""
    boxes = xyxy.astype(np.float64)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    np.fill_diagonal(shared, 0)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.asarray(shared.max(axis=1, initial=0) / np.maximum(area, 1e-9))


def inside(xyxy: Float32, width: int, height: int) -> Bool:
    """(N,) whether each of (N, 4) boxes keeps away from the border of the image."""
    return np.asarray(
        (xyxy[:, :2] >= BORDER_PX).all(axis=1) & (xyxy[:, 2:] <= np.array([width, height]) - BORDER_PX).all(axis=1)
    )


def large(xyxy: Float32, width: int, height: int) -> Bool:
    """(N,) whether the part of each of (N, 4) boxes that lies in the image is large enough for an outline."""
    edge = [width, height]
    size = np.clip(xyxy[:, 2:], 0, edge) - np.clip(xyxy[:, :2], 0, edge)
    return np.asarray((size >= MIN_SIDE_PX).all(axis=1))


def agreement(mask: Bool, box: Float32) -> float:
    """IoU of a (4,) box, cut to the image, with the box around an (H, W) mask; 0 for an empty mask."""
    if not mask.any():
        return 0.0
    height, width = mask.shape
    cut = np.clip(box.astype(np.float64), 0, [width, height, width, height])
    if not (cut[2:] > cut[:2]).all():
        return 0.0
    return float(overlaps(cut[None], box_around(mask).astype(np.float64)[None])[0, 0])
