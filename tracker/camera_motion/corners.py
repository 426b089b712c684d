"""Corners to follow, spread over the image.

Without that, a logo or a clock that is written into the image takes most of them: its contrast is higher than that of
any background, and it stands still where the camera moves.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from tracker.types import Float32, Float64, UInt8

CELLS = 4  # parts of the image on each side
QUALITY = 0.02  # of the corners of a good part: what is less is noise
MIN_QUALITY = 1e-4  # of the best corner of each part: OpenCV takes no 0, which most parts of a blank image give
GOOD_PART = 75  # percentile of the parts by their best corner


def spread_corners(image: UInt8, boxes: Float64 | Float32, count: int, distance: int) -> Float32:
    """(K, 2) corners (Shi & Tomasi) outside the boxes, in pixels, of all parts of a grey image.

    Args:
        image: (H, W).
        boxes: (N, 4) xyxy, pixels of the image.
        count: most corners of one of the CELLS x CELLS parts.
        distance: pixels between two corners at least.
    """
    height, width = image.shape
    if min(height, width) < 2 * CELLS:
        return np.zeros((0, 2), np.float32)
    mask = np.full(image.shape, 255, np.uint8)
    for left, top, right, bottom in np.maximum(boxes, 0).astype(int).tolist():
        mask[top : bottom + 1, left : right + 1] = 0  # moving objects do not show the camera's motion
    strength = cv2.cornerMinEigenVal(image, 3)
    strength[mask == 0] = 0
    rows, columns = (np.linspace(0, side, CELLS + 1).astype(int).tolist() for side in (height, width))
    parts = [
        (slice(top, bottom), slice(left, right)) for top, bottom in pairwise(rows) for left, right in pairwise(columns)
    ]
    best = np.array([float(strength[part].max()) for part in parts])
    least = QUALITY * float(np.percentile(best, GOOD_PART))
    found = [np.zeros((0, 2), np.float32)]
    for part, most in zip(parts, best.tolist(), strict=True):
        if not most > least:
            continue
        quality = max(least / most, MIN_QUALITY)
        corners: Any = cv2.goodFeaturesToTrack(image[part], count, quality, distance, mask=mask[part])
        if corners is not None:
            found.append(corners[:, 0] + np.array([part[1].start, part[0].start], np.float32))
    return np.concatenate(found)
