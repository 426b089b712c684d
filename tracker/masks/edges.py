"""Outlines at the edges of the picture: the guided filter.

He, Sun and Tang, "Guided Image Filtering", TPAMI 2013, equations 11 to 16 (colour guide). OpenCV has it in its contrib
modules only; it is a dozen box filters.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.types import Float32, UInt8

RADIUS = 4  # pixels of the looked-at picture: half a cell
SMOOTHNESS = 1e-3  # of colours in 0..1: fainter edges are passed over


def _box(image: NDArray[Any]) -> Float32:
    size = 2 * RADIUS + 1
    return np.asarray(cv2.boxFilter(image, -1, (size, size), borderType=cv2.BORDER_REFLECT), np.float32)


def refine(bgr: UInt8, mask: Float32) -> Float32:
    """(S, S) mask, 0..1, whose outline follows the edges of the (S, S, 3) picture."""
    guide = [np.ascontiguousarray(bgr[:, :, k], np.float32) / 255 for k in range(3)]
    mean = [_box(g) for g in guide]
    mean_mask = _box(mask)
    cover = [_box(g * mask) - m * mean_mask for g, m in zip(guide, mean, strict=True)]
    spread = {
        (i, j): _box(guide[i] * guide[j]) - mean[i] * mean[j] + (SMOOTHNESS if i == j else 0)
        for i in range(3)
        for j in range(i, 3)
    }
    bb, bg, br, gg, gr, rr = (spread[k] for k in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))
    # the inverse of the symmetric 3 x 3 matrix by its cofactors
    c0, c1, c2 = gg * rr - gr * gr, br * gr - bg * rr, bg * gr - br * gg
    c3, c4, c5 = bb * rr - br * br, bg * br - bb * gr, bb * gg - bg * bg
    scale = 1 / (bb * c0 + bg * c1 + br * c2)
    slope = [
        (c0 * cover[0] + c1 * cover[1] + c2 * cover[2]) * scale,
        (c1 * cover[0] + c3 * cover[1] + c4 * cover[2]) * scale,
        (c2 * cover[0] + c4 * cover[1] + c5 * cover[2]) * scale,
    ]
    offset = mean_mask - sum(s * m for s, m in zip(slope, mean, strict=True))
    fine = sum((_box(s) * g for s, g in zip(slope, guide, strict=True)), _box(np.asarray(offset, np.float32)))
    return np.clip(fine, 0, 1).astype(np.float32)
