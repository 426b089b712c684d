"""Moving objects before a static camera: a background model per pixel, no weights.

Background: OpenCV's MOG2, Zivkovic & van der Heijden, "Efficient adaptive density estimation per image pixel",
Pattern Recognition Letters 27(7), 2006. Its memory counts frames; here each frame's learning rate follows from the
seconds since the last frame, so that the time constant is the same for subsampled and irregular videos.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from models.errors import DataError
from tracker.detectors.config import DetectorConfig
from tracker.detectors.postprocess import Select
from tracker.types import Detections, Float32, Frame, UInt8

NAMES = ("object",)
_SHADOW = 127  # OpenCV's value for a shadow in the mask; 255 is foreground


class BackgroundDetector:
    """One box for each moving or newly arrived object, without its shadow; the label is always "object".

    Args:
        config: class filter, score threshold and IoU; the rest is ignored.
        memory: time constant of the model, seconds. An object that arrives and stays becomes background after a tenth
            of this time, or of the time since the first frame where that is less.
        warmup: seconds from the first frame in which nothing is reported: the model has no background yet.
        threshold: squared distance, in variances of a pixel, beyond which the pixel is foreground.
        long_side: long side of the model's image, pixels; larger images are reduced to it.
    """

    def __init__(
        self,
        config: DetectorConfig | None = None,
        memory: float = 60.0,
        warmup: float = 0.5,
        threshold: float = 40.0,
        long_side: int = 768,
    ) -> None:
        self.names = NAMES
        self._memory, self._warmup, self._threshold, self._long_side = memory, warmup, threshold, long_side
        self._select = Select(NAMES, config or DetectorConfig(), score=0.1, nms=1.0)
        self._size: tuple[int, int] | None = None
        self._start = self._last = 0.0

    def _reset(self, frame: Frame) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2(varThreshold=self._threshold, detectShadows=True)
        self._size, self._start, self._last = frame.size, frame.time, frame.time

    def _rate(self, time: float) -> float:
        """Weight of a new frame in the model: 1 - exp(-dt / memory); at the start that of a mean of all frames."""
        dt, seen = max(time - self._last, 0.0), time - self._start
        return 1.0 if seen <= 0 else 1 - math.exp(-dt / min(self._memory, seen))

    def __call__(self, frame: Frame) -> Detections:
        if not isinstance(frame, Frame):
            raise DataError("detector background needs to know the time of a picture; give Frame(bgr, index, seconds).")
        if frame.size != self._size:
            self._reset(frame)
        width, height = frame.size
        shrink = min(1.0, self._long_side / max(width, height))
        small = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        picture = frame.bgr if small == frame.size else cv2.resize(frame.bgr, small, interpolation=cv2.INTER_AREA)
        mask = np.asarray(self._model.apply(cv2.GaussianBlur(picture, (3, 3), 0), learningRate=self._rate(frame.time)))
        self._last = frame.time
        if frame.time - self._start < self._warmup:
            return Detections.empty()
        xyxy, score = find_blobs(mask.astype(np.uint8, copy=False))
        scale = np.array([width / small[0], height / small[1]] * 2, np.float32)
        return self._select(xyxy * scale, score, np.zeros(len(xyxy), np.int64), frame.size)


def find_blobs(mask: UInt8, min_area: float = 3e-4, min_fill: float = 0.15) -> tuple[Float32, Float32]:
    """Boxes (N, 4) in pixels and scores (N,) of the objects in MOG2's mask.

    Args:
        mask: (H, W) uint8, 255 where foreground, less where shadow or background.
        min_area: smallest foreground area of an object, as a share of the image.
        min_fill: smallest share of its box that an object fills.
    """
    unit = max(mask.shape) / 768  # the kernels were chosen on an image of 768 pixels
    thing = cv2.medianBlur(np.where(mask > _SHADOW, np.uint8(255), np.uint8(0)), 3)
    # Persons break up vertically into head, trunk and legs: close vertical gaps more than horizontal ones.
    kernel = (max(1, round(3 * unit)), max(1, round(11 * unit)))
    thing = cv2.morphologyEx(thing, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, kernel))
    rows = cv2.connectedComponentsWithStats(thing)[2][1:].astype(np.float32)
    left, top, width, height, area = rows.T
    fill = area / (width * height)
    keep = (area >= min_area * mask.size) & (fill >= min_fill)
    xyxy = np.stack([left, top, left + width, top + height], axis=1)[keep]
    return xyxy, np.clip(fill[keep] / 0.6, 0.0, 1.0)
