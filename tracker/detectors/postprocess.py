"""Post-processing shared by all detectors: class filter, score threshold, non-maximum suppression.

Suppression is greedy and per class, by OpenCV: the box with the highest score is kept, and boxes of the same class with
an IoU above the threshold are dropped (Felzenszwalb et al., "Object Detection with Discriminatively Trained Part-Based
Models", PAMI 2010, section 7.2).
"""

from __future__ import annotations

import logging
from typing import Any

import cv2
import numpy as np

from models.errors import ConfigError
from tracker.detectors.class_names import class_mask
from tracker.detectors.config import DetectorConfig
from tracker.inputs.bounds import MAX_BOXES, strongest
from tracker.types import Detections, Float32, Int64

log = logging.getLogger("liquidtrack.detectors")
MAX_CANDIDATES = 5000  # most boxes of one frame before suppression, whose time grows with the square of their number


def suppress(xyxy: Float32, score: Float32, label: Int64, iou: float) -> Int64:
    """Rows that remain after non-maximum suppression per class (OpenCV's), highest score first."""
    order = np.argsort(-score, kind="stable")
    if iou >= 1 or len(order) < 2:
        return order
    # OpenCV drops scores of 0 and leaves the order of equal scores undefined, so it gets ranks. It separates classes by
    # an offset of the largest coordinate, which requires boxes at or right of 0.
    corner = xyxy.min(axis=0, initial=0)[:2]
    # Its stub declares lists; arrays work too and avoid the copy.
    boxes: Any = np.concatenate([xyxy[:, :2] - corner, xyxy[:, 2:] - xyxy[:, :2]], axis=1).astype(np.float64)[order]
    ranks: Any = np.arange(len(order), 0, -1, dtype=np.float32)
    labels: Any = label[order].astype(np.int32)
    kept = cv2.dnn.NMSBoxesBatched(boxes, ranks, labels, 0.0, float(iou))
    return order[np.asarray(kept, np.int64).ravel()]


class Select:
    """Filters raw detections by class and score, and suppresses overlapping boxes.

    Args:
        names: the detector's class names.
        config: class filter, score threshold and IoU.
        score: the detector's threshold, used where the config has none.
        nms: the detector's IoU, used where the config has none; 1 keeps all.
    """

    def __init__(self, names: tuple[str, ...], config: DetectorConfig, score: float, nms: float) -> None:
        self.names = names
        self.score = score if config.score is None else config.score
        self.nms = nms if config.nms is None else config.nms
        self._detector = config.resolved
        self._told = False
        self._mask = class_mask(config.classes, names, self._detector)

    def _rows(self, xyxy: Float32, score: Float32, label: Int64) -> Int64:
        if len(label) and (label.min() < 0 or label.max() >= len(self.names)):
            worst = int(label.max() if label.max() >= len(self.names) else label.min())
            raise ConfigError(
                f"detector {self._detector} answered class {worst} where {len(self.names)} have names; give --names."
            )
        keep = (score >= self.score) & (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
        if self._mask is not None:
            keep &= self._mask[label]
        found = np.flatnonzero(keep)
        if self.nms < 1:
            rows = found[strongest(score[found], MAX_CANDIDATES)]
            rows = rows[suppress(xyxy[rows], score[rows], label[rows], self.nms)]
        else:
            rows = found
        if len(rows) > MAX_BOXES and not self._told:
            self._told = True
            log.warning(
                "detector %s found %d boxes in one frame; of such frames the %d of the highest scores are kept.",
                self._detector, len(rows), MAX_BOXES,
            )  # fmt: skip
        return rows[strongest(score[rows])]

    def __call__(self, xyxy: Float32, score: Float32, label: Int64, size: tuple[int, int] | None = None) -> Detections:
        """Boxes, scores and labels -> detections, clipped to an image of `size` = (width, height) if given."""
        if size is not None:
            xyxy = np.clip(xyxy, 0, np.array(size * 2, np.float32))
        rows = self._rows(xyxy, score, label)
        return Detections(xyxy[rows], score[rows], label[rows])

    def filter(self, detections: Detections) -> Detections:
        """The same for existing detections; masks and embeddings are kept."""
        rows = self._rows(detections.xyxy, detections.score, detections.label)
        return detections if len(rows) == len(detections) else detections.take(rows)
