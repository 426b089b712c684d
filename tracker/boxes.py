"""Boxes as numbers: conversions and overlaps. All arrays are float64 inside; N boxes as rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tracker.types import Float64


def to_coordinates(xyxy: ArrayLike) -> Float64:
    """(N, 4) boxes left, top, right, bottom -> (N, 4) centre x, centre y (pixels), log width, log height."""
    corners = np.asarray(xyxy, np.float64)
    low, high = corners[:, :2], corners[:, 2:]
    return np.concatenate([(low + high) * 0.5, np.log(high - low)], axis=1)


def to_xyxy(coordinates: Float64) -> Float64:
    """(N, 4) centre x, centre y, log width, log height -> (N, 4) left, top, right, bottom in pixels."""
    centre, half = coordinates[:, :2], np.exp(coordinates[:, 2:]) * 0.5
    return np.concatenate([centre - half, centre + half], axis=1)


def overlap(a: Float64, b: Float64) -> Float64:
    """IoU of boxes row by row: (K, 4) and (K, 4) -> (K,), 0..1."""
    width = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    height = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    both = np.maximum(width, 0) * np.maximum(height, 0)
    union = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]) + (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) - both
    share: Float64 = both / union
    return share


def iou(a: Float64, b: Float64) -> Float64:
    """IoU of all pairs: (N, 4) and (M, 4) -> (N, M), 0..1."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.maximum(high - low, 0).prod(axis=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
    matrix: Float64 = both / (area_a[:, None] + area_b[None] - both)
    return matrix


def buffered(xyxy: Float64, share: float) -> Float64:
    """Boxes grown on every side by `share` of their width and height (C-BIoU, Yang et al., WACV 2023, Eq. 1)."""
    grow = (xyxy[:, 2:] - xyxy[:, :2]) * share
    return np.concatenate([xyxy[:, :2] - grow, xyxy[:, 2:] + grow], axis=1)
