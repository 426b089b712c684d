"""Weighted boxes fusion of two detectors, with scores calibrated by who found the object.

Solovyev et al., "Weighted boxes fusion: Ensembling boxes from different object detection models", Image and Vision
Computing 2021 (arXiv:1910.13302): boxes of one class that overlap become one box, their mean weighted by score and
by detector. The paper lowers the score of a box that one detector alone found by a fixed factor. Here a logistic
regression gives the score, since how much a missing second box means depends on the detector and on the object's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.runtime.maths import expit, logit
from tracker.boxes import overlaps
from tracker.types import Bool, Detections, Float32, Float64, Int64

# Log-odds of a score on the scale of all detectors (models/detection/calibration.py): constant, per log-odds of the
# first and of the second score, per factor e of the box's side relative to the image's. Rows: found by both, by the
# first alone, by the second alone. python -m tools.train.fusion coco_more, 585 images
WEIGHTS = np.array([[0.916, 0.409, 0.731, 0.12], [-2.171, 0.87, 0.0, -0.281], [-0.696, 0.0, 0.981, -0.265]])
SAME_IOU = 0.55  # IoU from which two boxes of one class are one object's, as in the paper
FIRST_SHARE = 0.3  # weight of the first detector's boxes, the second's have the rest
MIN_SCORE = 0.05  # least score of a box that is fused with another; weaker ones stand alone


@dataclass(frozen=True, slots=True)
class FusedBoxes:
    """The boxes of two detectors in one image.

    Attributes:
        xyxy: (N, 4) pixels.
        label: (N,) class.
        scores: (N, 2) score of each detector; NaN where it has no such box.
    """

    xyxy: Float32
    label: Int64
    scores: Float64


def fuse_boxes(first: Detections, second: Detections) -> FusedBoxes:
    """The boxes of both, those of one object fused; labels must mean the same classes."""
    i, j = _pairs(first, second)
    alone = np.ones(len(first), bool), np.ones(len(second), bool)
    alone[0][i], alone[1][j] = False, False
    one, other = FIRST_SHARE * first.score[i], (1 - FIRST_SHARE) * second.score[j]
    weight = (one / (one + other))[:, None]
    xyxy = (
        weight * first.xyxy[i] + (1 - weight) * second.xyxy[j],
        first.xyxy[alone[0]],
        second.xyxy[alone[1]],
    )
    label = first.label[i], first.label[alone[0]], second.label[alone[1]]
    scores = np.full((len(i) + alone[0].sum() + alone[1].sum(), 2), np.nan)
    split = len(i) + int(alone[0].sum())
    scores[:split, 0] = np.concatenate([first.score[i], first.score[alone[0]]])
    scores[: len(i), 1], scores[split:, 1] = second.score[j], second.score[alone[1]]
    return FusedBoxes(np.concatenate(xyxy).astype(np.float32), np.concatenate(label), scores)


def _pairs(first: Detections, second: Detections) -> tuple[Int64, Int64]:
    """Rows of `first` and `second` that are one object; each row is in one pair at most, the largest IoU first."""
    rows = np.flatnonzero(first.score >= MIN_SCORE), np.flatnonzero(second.score >= MIN_SCORE)
    iou = overlaps(first.xyxy[rows[0]].astype(np.float64), second.xyxy[rows[1]].astype(np.float64))
    same = (iou > SAME_IOU) & (first.label[rows[0]][:, None] == second.label[rows[1]])
    i, j = same.nonzero()
    free = np.ones(len(rows[0]), bool), np.ones(len(rows[1]), bool)
    pairs = []
    for k in np.argsort(-iou[i, j], kind="stable"):
        if free[0][i[k]] and free[1][j[k]]:
            free[0][i[k]] = free[1][j[k]] = False
            pairs.append(k)
    return rows[0][i[pairs]], rows[1][j[pairs]]


def features(boxes: FusedBoxes, size: tuple[int, int]) -> tuple[Float64, Int64]:
    """The terms of the regression, (N, 4), and the row of `WEIGHTS` for each box; `size` of the image in pixels."""
    found = ~np.isnan(boxes.scores)
    odds = np.where(found, logit(np.where(found, boxes.scores, 0.5)), 0.0)
    sides = np.maximum(boxes.xyxy[:, 2:] - boxes.xyxy[:, :2], 1).astype(np.float64)
    side = 0.5 * np.log(sides.prod(axis=1) / (size[0] * size[1]))
    row = np.where(found.all(axis=1), 0, np.where(found[:, 0], 1, 2))
    return np.column_stack([np.ones(len(odds)), odds, side]), row


def fused_scores(boxes: FusedBoxes, size: tuple[int, int], shared: Bool, weights: Float64 = WEIGHTS) -> Float32:
    """(N,) scores of the boxes in an image of `size`, pixels.

    Args:
        boxes: the boxes.
        size: (width, height) of the image, pixels.
        shared: (C,) the classes that both detectors know; boxes of the others keep their score.
        weights: (3, 4) of the regression.
    """
    terms, row = features(boxes, size)
    fused = expit((terms * weights[row]).sum(axis=1))
    alone = np.fmax(*boxes.scores.T)
    return np.where(shared[boxes.label], fused, alone).astype(np.float32)
