"""Camera motion since the last frame, from the image: sparse optical flow and a robust similarity transform.

Corners (Shi & Tomasi, "Good Features to Track", CVPR 1994) outside the detected boxes are followed by pyramidal
Lucas-Kanade (Bouguet, 2001); a similarity (shift, rotation, zoom) is fitted by RANSAC (Fischler & Bolles, 1981). Most
corners lie on the background, so the fit follows the background.
"""

from __future__ import annotations

import cv2
import numpy as np

from tracker.camera_motion.corners import spread_corners
from tracker.types import Detections, Float64, Frame, UInt8

LONG_SIDE = 480  # pixels of the image that is compared; shifts are measured to 0.1 pixels of it
CORNERS = 25  # in each part of the image
CORNER_DISTANCE = 7  # pixels
MIN_CORNERS = 12  # fewest followed corners for an estimate


class FlowCameraMotion:
    """Called for frames in order: (2, 3) affine from the last frame's pixels to this frame's; None where unknown."""

    def __init__(self) -> None:
        self._before: UInt8 | None = None
        self._boxes = np.zeros((0, 4), np.float32)

    def __call__(self, frame: Frame, detections: Detections) -> Float64 | None:
        scale = min(1.0, LONG_SIDE / max(frame.size))
        small = cv2.resize(frame.bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        before, boxes = self._before, self._boxes
        self._before, self._boxes = grey, detections.xyxy * scale
        if before is None or before.shape != grey.shape:
            return None
        return self._between(before, boxes, grey, scale)

    @staticmethod
    def _between(before: UInt8, boxes: np.ndarray, now: UInt8, scale: float) -> Float64 | None:
        corners = spread_corners(before, boxes, CORNERS, CORNER_DISTANCE)
        if len(corners) < MIN_CORNERS:
            return None
        moved, found, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, None)  # type: ignore[call-overload]
        good = found.ravel() == 1
        if good.sum() < MIN_CORNERS:
            return None
        affine, _ = cv2.estimateAffinePartial2D(corners[good], moved[good], ransacReprojThreshold=1.5)
        if affine is None or not np.isfinite(affine).all():
            return None
        result = np.asarray(affine, np.float64)
        result[:, 2] /= scale
        return result
