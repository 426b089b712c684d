"""RoIAlign in NumPy: the features of a box, and unit embeddings.

RoIAlign: He et al., "Mask R-CNN", arXiv:1703.06870, section 3, with torchvision's semantics (aligned=True). The
bilinear weight of a sample is a product of a row's and a column's weight, and so is the mean over a regular grid of
samples: out[n, c] = Wy[n] @ map[c] @ Wx[n].T, two matrix products for all boxes in place of a loop over samples.
"""

from __future__ import annotations

import numpy as np

from models.runtime.arrays import Float32
from models.runtime.maths import unit

STRIPS = 4  # strips of equal height in a box


def _axis_weights(low: Float32, high: Float32, bins: int, cells: int, samples: int) -> Float32:
    """(N, bins, cells) weight of each cell of an axis in each bin of each box.

    Args:
        low: (N,) start of the boxes in cells, cell centres at whole numbers.
        high: (N,) end of the boxes.
        bins: number of bins in a box.
        cells: length of the axis.
        samples: points a bin, evenly spaced; 0 takes one a cell, so none where the box has zero width.
    """
    width = (high - low) / bins
    count = np.maximum(np.ceil(width), 0).astype(np.int64) if samples == 0 else np.full(len(low), samples)
    most = int(count.max(initial=1))
    k = np.arange(most)
    inside = k < count[:, None]  # (N, most): masks the unused samples of boxes with fewer than the largest
    step = (k + 0.5) / np.maximum(count, 1)[:, None]
    x = low[:, None, None] + (np.arange(bins)[:, None] + step[:, None, :]) * width[:, None, None]  # (N, bins, most)
    share = (inside[:, None, :] & (x >= -1) & (x <= cells)) / np.maximum(count, 1)[:, None, None]
    x = np.clip(x, 0, cells - 1)
    left = np.minimum(np.floor(x).astype(np.int64), cells - 1)
    right = np.minimum(left + 1, cells - 1)
    part = x - left
    out = np.zeros((len(low), bins, cells))
    rows = (np.arange(len(low))[:, None, None], np.arange(bins)[:, None])
    np.add.at(out, (*rows, left), share * (1 - part))
    np.add.at(out, (*rows, right), share * part)
    return out.astype(np.float32)


def roi_align(
    features: Float32, boxes: Float32, output: tuple[int, int], scale: tuple[float, float], samples: int = 0
) -> Float32:
    """(C, H, W) map and (N, 4) boxes in image pixels -> (N, C, *output), torchvision's `roi_align(aligned=True)`.

    Args:
        features: the map of one image.
        boxes: left, top, right, bottom.
        output: (rows, columns) of bins in each box.
        scale: map cells an image pixel, (horizontally, vertically).
        samples: points a bin and axis; 0 adapts to the size of the box, as torchvision's sampling_ratio -1.
    """
    channels, height, width = features.shape
    x1, y1, x2, y2 = (boxes.reshape(-1, 4) * np.array([*scale, *scale], np.float32) - np.float32(0.5)).T
    across = _axis_weights(x1, x2, output[1], width, samples)  # (N, columns, W)
    down = _axis_weights(y1, y2, output[0], height, samples)  # (N, rows, H)
    n = len(across)
    half = features.reshape(channels * height, width) @ across.reshape(-1, width).T  # (C * H, N * columns)
    half = half.reshape(channels, height, n, output[1]).transpose(2, 1, 0, 3)
    half = half.reshape(n, height, channels * output[1])
    return np.ascontiguousarray((down @ half).reshape(n, output[0], channels, output[1]).transpose(0, 2, 1, 3))


def pool_strips(features: Float32, xyxy: Float32, scale: tuple[float, float]) -> Float32:
    """(N, STRIPS * C) unit embeddings of boxes (N, 4); coordinates times `scale` (x, y) are cells of (C, H, W)."""
    return unit(roi_align(features, xyxy, (STRIPS, 1), scale).reshape(len(xyxy), len(features) * STRIPS))
