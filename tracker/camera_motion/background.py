"""Whether the background of the image moves, from a few corners of a small grey image.

A camera that moves leaves nothing in its place; one that stands still leaves much of the background there, also where
large things pass before it. So two explanations are compared in each part of the image: the camera stood still, or all
of the background moved by one similarity. Corners that fit both (the middle of a zoom) or none (people, leaves) say
nothing.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from tracker.camera_motion.corners import CELLS, spread_corners
from tracker.types import Detections, Float32, Float64, Frame, UInt8

LONG_SIDE = 240  # pixels of the image that is compared
CORNERS = 6  # in each part of the image
CORNER_DISTANCE = 8  # pixels
WINDOW = 15, 15  # pixels around a corner that are compared
MIN_CORNERS = 12  # fewest followed corners for an answer
MIN_CELLS = 5  # fewest parts of the image with an answer
STILL_PX = 0.5  # displacement up to which a corner stands still: 5 times what a corner's position errs by
FIT_PX = 0.75  # distance up to which a corner moved as the fit says
MIN_MOVED = 0.35  # share of the parts that an answer explains; with parallax, one motion explains few
MIN_AT_REST = 2  # corners by which a part of the image stands still, whatever moves there too
MAX_STILL = 0.25  # share of parts that stand still, of those that tell: a train leaves more, logos less
CLEARLY_STILL = 0.75  # share of the corners in their places from which nothing else is looked at
REFERENCE_S = 2.0  # seconds after which an image is compared with a newer one: light changes, and slow motion adds up


class BackgroundWatch:
    """Called for some frames in order: whether the background moved since an earlier one."""

    def __init__(self) -> None:
        self._image: UInt8 | None = None
        self._corners = np.zeros((0, 2), np.float32)
        self._time = 0.0

    def __call__(self, frame: Frame, detections: Detections) -> bool | None:
        """True: the background moved; False: it did not; None: it cannot be told (darkness, a cut, no texture, a
        camera too fast to be followed since then)."""
        image, scale = small_grey(frame)
        if self._image is None or self._image.shape != image.shape or len(self._corners) < MIN_CORNERS:
            moved = None
        else:
            moved = _moved(self._image, self._corners, image)
        if moved is not False or frame.time - self._time > REFERENCE_S:
            self._image, self._time = image, frame.time
            self._corners = spread_corners(image, detections.xyxy * scale, CORNERS, CORNER_DISTANCE)
        return moved


def small_grey(frame: Frame) -> tuple[UInt8, float]:
    """The green channel as a small image, and its pixels per pixel of the frame.

    Of a large frame only some rows and columns are read: averaging all of them would cost more than all the rest.
    """
    longest = max(frame.size)
    step = max(1, longest // (2 * LONG_SIDE))
    green = np.ascontiguousarray(frame.bgr[::step, ::step, 1])
    scale = min(1.0, LONG_SIDE / longest)
    size = max(1, round(frame.size[0] * scale)), max(1, round(frame.size[1] * scale))
    return np.asarray(cv2.resize(green, size, interpolation=cv2.INTER_LINEAR), np.uint8), scale


def _moved(before: UInt8, corners: Float32, now: UInt8) -> bool | None:
    """Whether the background moved between two images of one size."""
    followed, found = _follow(before, now, corners)
    if np.mean(np.linalg.norm(followed - corners, axis=1) < STILL_PX) > CLEARLY_STILL:
        return False
    back, again = _follow(now, before, followed)
    good = (found.ravel() == 1) & (again.ravel() == 1) & (np.abs(back - corners).max(axis=1) < STILL_PX)
    if good.sum() < max(MIN_CORNERS, len(corners) / 4):
        return None
    first, second = corners[good], followed[good]
    still = np.linalg.norm(second - first, axis=1) < STILL_PX
    affine, _ = cv2.estimateAffinePartial2D(first, second, ransacReprojThreshold=FIT_PX)
    if affine is None or not np.isfinite(affine).all():
        return None
    fits = _distance(np.asarray(affine, np.float64), first, second) < FIT_PX
    return _decide(first, still, fits, before.shape)


def _follow(before: UInt8, now: UInt8, corners: Float32) -> tuple[Float32, UInt8]:
    """Where the corners are now, and whether each was found."""
    moved: Any
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, None, winSize=WINDOW)  # type: ignore[call-overload]
    return np.asarray(moved, np.float32), np.asarray(found, np.uint8)


def _distance(affine: Float64, first: Float32, second: Float32) -> Float64:
    """(K,) pixels between where the affine takes the first points, and the second ones."""
    return np.asarray(np.linalg.norm(first @ affine[:, :2].T + affine[:, 2] - second, axis=1), np.float64)


def _decide(points: Float32, still: np.ndarray, fits: np.ndarray, shape: tuple[int, ...]) -> bool | None:
    """The answer of the parts of the image: most corners of a part moved with the fit, or some of them stood still."""
    height, width = shape[:2]
    cell = (points * CELLS / (width, height)).astype(int).clip(0, CELLS - 1) @ (1, CELLS)
    kinds = slice(None), fits & ~still, still & ~fits, still
    count, by_fit, by_rest, at_rest = (np.bincount(cell[rows], minlength=CELLS * CELLS) for rows in kinds)
    told = int((count > 0).sum())
    if told < MIN_CELLS:
        return None
    moved = int((by_fit * 2 > count).sum())
    stood = int(((by_rest >= MIN_AT_REST) | ((by_rest > 0) & (by_rest >= by_fit))).sum())
    if moved >= MIN_MOVED * told and stood <= MAX_STILL * (moved + stood):
        return True
    return False if int((at_rest * 2 > count).sum()) >= MIN_MOVED * told else None
