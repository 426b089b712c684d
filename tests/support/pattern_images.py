"""A textured object on a textured background, at any position."""

from __future__ import annotations

import cv2
import numpy as np

from tracker.types import Float64, UInt8

SIZE = (320, 240)


def _pattern(seed: int, width: int, height: int, cells: int) -> UInt8:
    small = np.random.default_rng(seed).integers(0, 255, (cells, cells, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def ground(seed: int = 1) -> UInt8:
    """(240, 320, 3) a soft pattern."""
    return (0.5 * _pattern(seed, *SIZE, 10) + 60).astype(np.uint8)


def box_at(x: float, y: float, width: float = 36, height: float = 48) -> Float64:
    """(4,) the object's box around (x, y)."""
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])


def scene(*boxes: Float64, thing: int = 7, seed: int = 1) -> UInt8:
    """The background with the object in each of the boxes, at subpixel positions."""
    picture = ground(seed)
    pattern = _pattern(thing, 36, 48, 6)
    for left, top, right, bottom in boxes:
        across, down = (right - left) / 36, (bottom - top) / 48
        affine = np.array([[across, 0, left + (across - 1) / 2], [0, down, top + (down - 1) / 2]])
        laid = cv2.warpAffine(pattern, affine, SIZE)
        inside = cv2.warpAffine(np.full((48, 36), 255, np.uint8), affine, SIZE) > 127
        picture[inside] = laid[inside]
    return picture


def iou(a: Float64, b: Float64) -> float:
    """Of two boxes (4,)."""
    shared = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))
