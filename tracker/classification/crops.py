"""Crops for classification: cut-outs for the frozen CNN, quality measures, duplicate boxes of another class."""

from __future__ import annotations

import cv2
import numpy as np

from tracker.boxes import occlusion_ratio, overlapping_pairs
from tracker.types import Float32, Float64, UInt8

CONTEXT = 1.1  # side of the square that is cut out, over the box's longer side
QUALITY = ("size", "sharpness", "score", "cover", "cut")
EDGE = 2.0  # pixels from the image's edge within which a box counts as truncated


def cut_square(bgr: UInt8, xyxy: Float32, size: int) -> UInt8:
    """The square around a box as (size, size, 3), clipped to the image."""
    height, width = bgr.shape[:2]
    side = CONTEXT * max(float(xyxy[2] - xyxy[0]), float(xyxy[3] - xyxy[1]))
    x, y = float(xyxy[0] + xyxy[2]) / 2, float(xyxy[1] + xyxy[3]) / 2
    left, top = (int(np.clip(np.floor(v - side / 2), 0, most - 1)) for v, most in ((x, width), (y, height)))
    right = int(np.clip(np.ceil(x + side / 2), left + 1, width))
    bottom = int(np.clip(np.ceil(y + side / 2), top + 1, height))
    return to_size(bgr[top:bottom, left:right], size)


def to_size(bgr: UInt8, size: int) -> UInt8:
    """An image of any size as (size, size, 3)."""
    if bgr.shape[:2] == (size, size):
        return bgr
    how = cv2.INTER_AREA if max(bgr.shape[:2]) > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(bgr, (size, size), interpolation=how), np.uint8)


def sharpness(bgr: UInt8) -> float:
    """Log of the share of an image's variance that lies in its finest detail: near 0 sharp, -6 very blurred."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype(np.float32)
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    return float(np.log((detail + 1e-2) / (float(grey.var()) + 1.0)))


def occluded_share(xyxy: Float64) -> Float64:
    """(N,) the largest share of each box (N, 4) that one other box occludes, 0..1; with equal bottom edges, the second
    box of the pair of `overlapping_pairs` is in front."""
    i, j, shared = overlapping_pairs(xyxy)
    return np.minimum(occlusion_ratio(xyxy, (j, i, shared)), 1)


def cut(xyxy: Float64, size: tuple[int, int]) -> Float64:
    """(N,) share of the four sides of boxes (N, 4) at the edge of an image of `size` (width, height), 0..1."""
    low, high = xyxy[:, :2] <= EDGE, xyxy[:, 2:] >= np.array(size) - EDGE
    return np.asarray((low.sum(axis=1) + high.sum(axis=1)) / 4, np.float64)


def crop_quality(side: float, sharp: float, score: float, cover: float, cut: float) -> tuple[float, ...]:
    """The features of `QUALITY`, each scaled to about 1: `side` in pixels, `sharp` as `sharpness`, the others 0..1."""
    return (float(np.log(side / 64)) / 2, sharp / 3 + 1, score, cover, cut)
