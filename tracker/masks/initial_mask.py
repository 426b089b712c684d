"""The initial mask of an object, from a box or from a polygon."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Literal

import cv2
import numpy as np

from models.errors import ConfigError
from models.saliency.u2netp import SIDE, SaliencyNetwork
from tracker.masks.crop import Crop
from tracker.types import Bool, Float32, Float64, Int64, UInt8

MIN_SIDE_PX = 4  # pixels, least side of a box
CONTEXT_SHARE = 0.2  # margin around the box in the network's input, as a share of its longer side
GRABCUT_ROUNDS = 5  # iterations of GrabCut
MAX_SIDE_PX = 320  # pixels: larger regions are reduced to this size, since GrabCut's time grows with the pixels
AROUND = 0.35  # margin of background around the box that GrabCut learns from, as a share of its longer side
# A box is drawn tight: least saliency of a pixel, and the least share of the box that the box around such pixels must
# fill; the first pair that holds is used. A sign in front of a car filled 0.16, and is rejected. So is a surfer in a
# box that holds the kite too, a known error.
TIGHT = ((0.5, 0.7), (0.3, 0.7), (0.1, 0.3))
MIN_SHARE = 0.2  # least share of the box in GrabCut's mask; with less, the ellipse in the box is used

By = Literal["salience", "grabcut"]


def check_box(xyxy: Float32 | Float64, width: int, height: int) -> Float64:
    """The part of a box that lies in the image.

    Raises:
        ConfigError: it has no area, or lies outside.
    """
    left, top, right, bottom = (float(v) for v in xyxy)
    if not (right - left >= MIN_SIDE_PX and bottom - top >= MIN_SIDE_PX):
        raise ConfigError(
            f"the box {left:g},{top:g} to {right:g},{bottom:g} is smaller than {MIN_SIDE_PX} pixels; draw a larger one."
        )
    box = np.array([max(left, 0), max(top, 0), min(right, width), min(bottom, height)])
    if box[2] - box[0] < MIN_SIDE_PX or box[3] - box[1] < MIN_SIDE_PX:
        raise ConfigError(
            f"the box {left:g},{top:g} to {right:g},{bottom:g} lies outside the picture of {width} x {height} pixels."
        )
    return box


def mask_of_box(bgr: UInt8, xyxy: Float32 | Float64, by: By = "salience", margin: float = 0.0) -> Bool:
    """(H, W) the pixels of the object in a box.

    A saliency network finds the salient object in the square around the box. Where that does not fill the box, or on
    request, GrabCut (Rother et al., SIGGRAPH 2004) learns the colours outside the box and segments the inside.

    Args:
        bgr: (H, W, 3) the image.
        xyxy: (4,) the box, pixels.
        by: the method.
        margin: to each side of the box, as a share of that side, in which salient parts of the object may lie; for
            boxes of detectors, which are not exact.

    Raises:
        ConfigError: the box has no area, or lies outside the image.
    """
    height, width = bgr.shape[:2]
    box = check_box(xyxy, width, height)
    found = _found(bgr, box, margin) if by == "salience" else None
    return _cut(bgr, box) if found is None else found


def _found(bgr: UInt8, box: Float64, margin: float) -> Bool | None:
    """(H, W) the salient object in a box and its margin; None where it fills too little of the box."""
    (left, top), (right, bottom) = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
    whole_sure = _standing_out(bgr, box)
    sure = whole_sure[top:bottom, left:right]
    for level, share in TIGHT:
        rows, columns = np.nonzero(sure > level)
        if len(rows) and np.ptp(rows) * np.ptp(columns) >= share * sure.size:
            whole = np.zeros(bgr.shape[:2], bool)
            whole[top:bottom, left:right] = sure > level
            return whole if margin <= 0 else _with_margin(whole, whole_sure > level, box, margin)
    return None


def _with_margin(inside: Bool, salient: Bool, box: Float64, margin: float) -> Bool:
    """The salient pixels in a box and its margin, in connected parts that lie in the box for the most part."""
    height, width = inside.shape
    edge = margin * np.tile(box[2:] - box[:2], 2) * [-1, -1, 1, 1] + box
    left, top, right, bottom = np.clip(np.rint(edge), 0, [width, height, width, height]).astype(int).tolist()
    part = np.s_[top:bottom, left:right]
    count, parts = cv2.connectedComponents(salient[part].astype(np.uint8))
    sizes = np.bincount(parts.ravel(), minlength=count)
    own = np.bincount(parts[inside[part]], minlength=count) >= 0.5 * sizes
    own[0] = False  # the background
    whole = np.zeros_like(inside)
    whole[part] = own[parts]
    return whole


def _standing_out(bgr: UInt8, box: Float64) -> Float32:
    """(H, W) saliency of each pixel in the square around a box."""
    square = Crop.around(box, 1 + 2 * CONTEXT_SHARE)
    height, width = bgr.shape[:2]
    return square.back(_saliency(square.picture(bgr, SIDE).tobytes()), (height, width))


@lru_cache(maxsize=16)  # a person's boxes are followed again after each correction beside them
def _saliency(picture: bytes) -> Float32:
    """(SIDE, SIDE) of a (SIDE, SIDE, 3) BGR picture."""
    saliency = _network()(np.frombuffer(picture, np.uint8).reshape(SIDE, SIDE, 3)[:, :, ::-1])
    saliency.setflags(write=False)
    return saliency


@cache
def _network() -> SaliencyNetwork:
    return SaliencyNetwork()


def _cut(bgr: UInt8, box: Float64) -> Bool:
    """(H, W) GrabCut's mask in a box, or the ellipse in the box."""
    height, width = bgr.shape[:2]
    margin = AROUND * max(box[2] - box[0], box[3] - box[1])
    left, top = int(max(box[0] - margin, 0)), int(max(box[1] - margin, 0))
    right, bottom = int(min(np.ceil(box[2] + margin), width)), int(min(np.ceil(box[3] + margin), height))
    part = bgr[top:bottom, left:right]
    scale = min(1.0, MAX_SIDE_PX / max(part.shape[:2]))
    size = (max(round(part.shape[1] * scale), 1), max(round(part.shape[0] * scale), 1))
    small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    inner = np.rint((box - [left, top, left, top]) * scale).astype(int)
    labels = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    labels[inner[1] : inner[3], inner[0] : inner[2]] = cv2.GC_PR_FGD
    if (labels == cv2.GC_BGD).any():
        background, object_ = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)
        cv2.grabCut(small, labels, [0, 0, 1, 1], background, object_, GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if found.mean() * found.size < MIN_SHARE * (inner[2] - inner[0]) * (inner[3] - inner[1]):
        found = _ellipse(labels.shape, inner)
    whole = np.zeros((height, width), bool)
    share = cv2.resize(found.astype(np.float32), part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    whole[top:bottom, left:right] = share > 0.5
    return whole


def _ellipse(shape: tuple[int, ...], box: Int64) -> Bool:
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    return np.asarray(((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2 <= 1)


def mask_of_polygon(points: Float64, width: int, height: int) -> Bool:
    """(H, W) the pixels inside a polygon of (N, 2) corners in pixels.

    Raises:
        ConfigError: it has fewer than three corners, no area, or lies outside the image.
    """
    corners = np.asarray(points, np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        raise ConfigError("a polygon needs three corners or more, each as x,y in pixels.")
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(np.clip(corners, -32768, 32767)).astype(np.int32)], 1)
    if np.count_nonzero(mask) < MIN_SIDE_PX**2:
        raise ConfigError(f"the polygon covers no part of the picture of {width} x {height} pixels.")
    return mask > 0
