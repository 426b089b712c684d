"""Post-processing shared by all detectors: class filter, score threshold, non-maximum suppression.

Suppression is greedy and per class, by OpenCV: the best box of a class stays, boxes of the class whose IoU with it is
above the threshold go (Felzenszwalb et al., "Object Detection with Discriminatively Trained Part-Based Models", PAMI
2010, section 7.2).
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
MAX_CANDIDATES = 5000  # boxes of one frame among which overlapping ones are suppressed: the work grows by the square


def suppress(xyxy: Float32, score: Float32, label: Int64, iou: float) -> Int64:
    """Rows that stay after non-maximum suppression class by class (OpenCV's), best first."""
    order = np.argsort(-score, kind="stable")
    if iou >= 1 or len(order) < 2:
        return order
    # OpenCV drops scores of 0 and leaves the order of equal ones open, so it is given ranks; and it tells classes apart
    # by moving each by the largest coordinate, which takes boxes at or right of 0.
    corner = xyxy.min(axis=0, initial=0)[:2]
    # Its stub asks for lists; arrays are taken too and spare the copy.
    boxes: Any = np.concatenate([xyxy[:, :2] - corner, xyxy[:, 2:] - xyxy[:, :2]], axis=1).astype(np.float64)[order]
    ranks: Any = np.arange(len(order), 0, -1, dtype=np.float32)
    labels: Any = label[order].astype(np.int32)
    kept = cv2.dnn.NMSBoxesBatched(boxes, ranks, labels, 0.0, float(iou))
    return order[np.asarray(kept, np.int64).ravel()]


class Select:
    """From what a detector found to what the user wants of it.

    Args:
        names: the detector's class names.
        config: class filter, score threshold and IoU.
        score: threshold where the config leaves it to the detector.
        nms: IoU where the config leaves it to the detector; 1 keeps all.
    """

    def __init__(self, names: tuple[str, ...], config: DetectorConfig, score: float, nms: float) -> None:
        self.names = names
        self.score = score if config.score is None else config.score
        self.nms = nms if config.nms is None else config.nms
        self._detector = config.detector
        self._told = False
        self._mask = class_mask(config.classes, names, config.detector)

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
        """Boxes, scores and labels -> detections; cut to an image of `size` = (width, height) where that is given."""
        if size is not None:
            xyxy = np.clip(xyxy, 0, np.array(size * 2, np.float32))
        rows = self._rows(xyxy, score, label)
        return Detections(xyxy[rows], score[rows], label[rows])

    def filter(self, detections: Detections) -> Detections:
        """The same for ready detections, their masks and embeddings kept."""
        rows = self._rows(detections.xyxy, detections.score, detections.label)
        return detections if len(rows) == len(detections) else detections.take(rows)
