"""The guided filter: mask outlines aligned with the edges of the image.

He, Sun and Tang, "Guided Image Filtering", TPAMI 2013, equations 11 to 16 (colour guide). OpenCV has it only in its
contrib modules; here it consists of box filters.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.types import Float32, UInt8

RADIUS = 4  # pixels of the crop's image: half a cell
SMOOTHNESS = 1e-3  # regularisation, for colours in 0..1: fainter edges are ignored


def _box(image: NDArray[Any]) -> Float32:
    size = 2 * RADIUS + 1
    return np.asarray(cv2.boxFilter(image, -1, (size, size), borderType=cv2.BORDER_REFLECT), np.float32)


class GuidedFilter:
    """A guide image to whose edges outlines are aligned; terms that depend on it alone are computed once.

    Args:
        bgr: (S, S, 3) the image.
    """

    def __init__(self, bgr: UInt8) -> None:
        self._guide = [np.ascontiguousarray(bgr[:, :, k], np.float32) / 255 for k in range(3)]
        guide, mean = self._guide, [_box(g) for g in self._guide]
        bb, bg, br, gg, gr, rr = (
            _box(guide[i] * guide[j]) - mean[i] * mean[j] + (SMOOTHNESS if i == j else 0)
            for i in range(3)
            for j in range(i, 3)
        )
        self._mean = mean
        # the inverse of the symmetric 3 x 3 matrix by its cofactors
        c0, c1, c2 = gg * rr - gr * gr, br * gr - bg * rr, bg * gr - br * gg
        c3, c4, c5 = bb * rr - br * br, bg * br - bb * gr, bb * gg - bg * bg
        self._inverse = ((c0, c1, c2), (c1, c3, c4), (c2, c4, c5))
        self._scale = 1 / (bb * c0 + bg * c1 + br * c2)

    def __call__(self, mask: Float32) -> Float32:
        """(S, S) mask, 0..1 -> the same, its outline aligned with the edges of the image."""
        mean_mask = _box(mask)
        cover = [_box(g * mask) - m * mean_mask for g, m in zip(self._guide, self._mean, strict=True)]
        slope = [(row[0] * cover[0] + row[1] * cover[1] + row[2] * cover[2]) * self._scale for row in self._inverse]
        offset = mean_mask - sum(s * m for s, m in zip(slope, self._mean, strict=True))
        fine = sum((_box(s) * g for s, g in zip(slope, self._guide, strict=True)), _box(offset))
        return np.clip(fine, 0, 1).astype(np.float32, copy=False)
