"""Box arithmetic: conversions, IoU, overlapping pairs, containment. All arrays are float64; N boxes are rows.

The (N, 4) results lie in memory coordinate by coordinate, and sums run over such columns: NumPy's inner loop then
runs over all boxes. A loop over the 2 or 4 numbers of one box would cost more to start than to run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tracker.types import Float64, Int64


def to_coordinates(xyxy: ArrayLike) -> Float64:
    """(N, 4) boxes left, top, right, bottom -> (N, 4) centre x, centre y (pixels), log width, log height."""
    low, high = _columns(np.asarray(xyxy, np.float64))
    return np.concatenate([(low + high) * 0.5, np.log(high - low)]).T


def to_xyxy(coordinates: Float64) -> Float64:
    """(N, 4) centre x, centre y, log width, log height -> (N, 4) left, top, right, bottom in pixels."""
    centre, size = _columns(coordinates)
    half = np.exp(size) * 0.5
    return np.concatenate([centre - half, centre + half]).T


def _columns(rows: Float64) -> tuple[Float64, Float64]:
    """(N, 4) -> the first two and the last two columns, each (2, N) and contiguous."""
    columns = np.ascontiguousarray(rows.T)
    return columns[:2], columns[2:]


class Overlap(NamedTuple):
    """Overlaps of K pairs of boxes, each (K,), 0..1."""

    iou: Float64
    buffered: Float64  # IoU of the boxes grown on every side by a share of their size
    height: Float64  # IoU of the vertical extents alone


def overlap(a: Float64, b: Float64, buffer: float) -> Overlap:
    """Overlaps of boxes row by row, (K, 4) with (K, 4); `buffer` >= 0 as in C-BIoU (Yang et al., WACV 2023)."""
    (low_a, high_a), (low_b, high_b) = _columns(a), _columns(b)
    size_a, size_b = high_a - low_a, high_b - low_b
    both = np.minimum(high_a, high_b) - np.maximum(low_a, low_b)  # negative where they are apart
    sizes = size_a + size_b
    areas = size_a[0] * size_a[1] + size_b[0] * size_b[1]
    grown = np.maximum(both + buffer * sizes, 0)
    shared = np.maximum(both, 0)
    inner = shared[0] * shared[1]
    outer = grown[0] * grown[1]
    return Overlap(
        iou=inner / (areas - inner),
        buffered=outer / ((1 + 2 * buffer) ** 2 * areas - outer),
        height=shared[1] / (sizes[1] - shared[1]),
    )


def overlaps(a: Float64, b: Float64) -> Float64:
    """(M, N) IoU (Jaccard index), 0..1, of every box of `a` (M, 4) with every box of `b` (N, 4)."""
    (low_a, high_a), (low_b, high_b) = _columns(a), _columns(b)
    (wide_a, tall_a), (wide_b, tall_b) = high_a - low_a, high_b - low_b
    both = np.minimum(high_a[:, :, None], high_b[:, None]) - np.maximum(low_a[:, :, None], low_b[:, None])
    wide, tall = np.maximum(both, 0)
    shared = wide * tall
    iou: Float64 = shared / ((wide_a * tall_a)[:, None] + wide_b * tall_b - shared)
    return iou


def overlapping_pairs(xyxy: Float64) -> tuple[Int64, Int64, Float64]:
    """All overlapping pairs of boxes (N, 4), by a sweep along x: (K,) rows i, (K,) rows j, (K,) shared area."""
    columns = xyxy.T
    order = np.argsort(columns[0], kind="stable")
    left, top, right, bottom = columns.take(order, 1)
    # sorted by left edge, a box overlaps along x with the boxes that begin before its right edge
    rows = np.arange(len(order))
    count = np.searchsorted(left, right) - rows - 1
    i = np.repeat(rows, count)
    if not len(i):
        return i, i, np.zeros(0)
    j = np.arange(len(i)) + np.repeat(rows + 1 - (np.cumsum(count) - count), count)
    high = np.minimum(bottom.take(i), bottom.take(j)) - np.maximum(top.take(i), top.take(j))
    good = high > 0
    i, j = i.compress(good), j.compress(good)
    shared = high.compress(good) * (np.minimum(right.take(i), right.take(j)) - left.take(j))
    return order.take(i), order.take(j), shared


def neighbour_iou(xyxy: Float64, touch: tuple[Int64, Int64, Float64]) -> Float64:
    """(N,) the largest IoU of each box with another one, 0..1; `touch` is the result of `overlapping_pairs`."""
    i, j, shared = touch
    largest = np.zeros(len(xyxy))
    if len(i):
        area = _areas(xyxy)
        iou = shared / (area.take(i) + area.take(j) - shared)
        np.maximum.at(largest, i, iou)
        np.maximum.at(largest, j, iou)
    return largest


def containment(xyxy: Float64, rank: Float64, touch: tuple[Int64, Int64, Float64]) -> Float64:
    """(N,) the largest share of each box that lies in one box of a higher `rank` (N,), 0..1 (intersection over area).

    `touch` is the result of `overlapping_pairs`; of two boxes of equal rank the first of a pair is the higher.
    """
    i, j, shared = touch
    share = np.zeros(len(xyxy))
    if len(i):
        lower = np.where(rank.take(i) < rank.take(j), i, j)
        np.maximum.at(share, lower, shared / _areas(xyxy).take(lower))
    return share


def _areas(xyxy: Float64) -> Float64:
    """(N,) of boxes (N, 4)."""
    left, top, right, bottom = xyxy.T
    area: Float64 = (right - left) * (bottom - top)
    return area


def occlusion_ratio(xyxy: Float64, touch: tuple[Int64, Int64, Float64]) -> Float64:
    """(N,) the largest share of each box that one other box occludes, 0..1.

    `touch` is the result of `overlapping_pairs`. The box with the lower bottom edge in the image is nearer to the
    camera; with equal edges, the first box of the pair.
    """
    return containment(xyxy, xyxy[:, 3], touch)


def magnification(affine: Float64) -> float:
    """By how much areas grow under the linear part of an affine, (2, 2) or (2, 3): the size of its determinant."""
    (a, b), (c, d) = affine[:, :2].tolist()
    return float(abs(a * d - b * c))


def moved_boxes(xyxy: Float64, affine: Float64) -> Float64:
    """(N, 4) boxes in the pixels of a frame whose camera has moved by `affine` (2, 3); they stay upright."""
    linear, shift = affine[:, :2], affine[:, 2]
    half = 0.5 * (xyxy[:, 2:] - xyxy[:, :2]) * np.sqrt(magnification(linear))
    centre = 0.5 * (xyxy[:, :2] + xyxy[:, 2:]) @ linear.T + shift
    return np.concatenate([centre - half, centre + half], axis=1)


def ltwh(xyxy: ArrayLike) -> Float64:
    """(N, 4) left, top, width, height of boxes (N, 4) left, top, right, bottom."""
    boxes = np.asarray(xyxy, np.float64)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
