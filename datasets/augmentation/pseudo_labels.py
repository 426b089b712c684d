"""Training targets of a detector: labels, and pseudo-labels from teacher detectors where labels are missing.

A box on which two teachers agree becomes a pseudo-label, with a trust from their mean score. A box of one teacher
alone, or a box without a label in a completely labelled class, is ignored in the loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracker.boxes import overlaps
from tracker.types import Bool, Detections, Float32, Float64, Int64

CONSENSUS_MIN_SCORE = 0.3  # lowest mean score of a box that two teachers agree on to become a pseudo-label
MIN_SCORE = 0.15  # lowest score at which a box of a single teacher is ignored in the loss
SAME_IOU = 0.55  # lowest IoU at which two boxes count as the same object

PseudoLabels = tuple[Float32, Int64, Float32]  # xyxy, label, trust


def consensus(answers: Sequence[Detections]) -> PseudoLabels:
    """Consensus of the teachers: boxes found by two (mean box, trust above 0) and boxes found by one (trust 0)."""
    xyxy, label, trust = _none()
    for answer in answers:
        rows = np.flatnonzero(answer.score >= MIN_SCORE / 2)
        xyxy, label, trust = _join((xyxy, label, trust), answer.take(rows))
    keep = (trust >= CONSENSUS_MIN_SCORE) | (trust <= -MIN_SCORE)
    return xyxy[keep], label[keep], np.where(trust[keep] < 0, 0, np.minimum(1, trust[keep] * 1.3)).astype(np.float32)


def _join(marks: PseudoLabels, answer: Detections) -> PseudoLabels:
    """Boxes with one more teacher's detections merged in; a box found by one teacher alone has a negative score."""
    xyxy, label, trust = marks[0].copy(), marks[1], marks[2].copy()
    new = np.ones(len(answer), bool)
    if len(label) and len(answer):
        iou = _overlaps(xyxy, answer.xyxy) * (label[:, None] == answer.label)
        for k in np.argsort(-answer.score):
            row = int(iou[:, k].argmax())
            if iou[row, k] >= SAME_IOU:
                new[k] = False
                if trust[row] < 0:
                    xyxy[row] = (xyxy[row] + answer.xyxy[k]) / 2
                    trust[row] = (-trust[row] + answer.score[k]) / 2
                else:
                    trust[row] = max(trust[row], float(answer.score[k] + trust[row]) / 2)
                iou[row] = 0
    rows = np.flatnonzero(new)
    return (
        np.concatenate([xyxy, answer.xyxy[rows]]),
        np.concatenate([label, answer.label[rows]]),
        np.concatenate([trust, -answer.score[rows]]).astype(np.float32),
    )


def merged(labelled: PseudoLabels, complete: Bool, taught: PseudoLabels) -> PseudoLabels:
    """Merges the labels and pseudo-labels of one image.

    Args:
        labelled: the labels; trust 0 means a region that is ignored in the loss.
        complete: (C,) bool, the completely labelled classes, for which teachers add no objects.
        taught: the result of `consensus`.
    """
    xyxy, label, trust = taught
    if len(label) == 0:
        return labelled
    if len(labelled[1]):
        iou = _overlaps(xyxy, labelled[0]) * (label[:, None] == labelled[1])
        new = iou.max(axis=1) < 0.5
        xyxy, label, trust = xyxy[new], label[new], trust[new]
    firm = (trust >= 0.5) | ~complete[label]  # in complete classes only strong ones stay, to be ignored
    trust = np.where(complete[label], 0, trust).astype(np.float32)
    return (
        np.concatenate([labelled[0], xyxy[firm]]),
        np.concatenate([labelled[1], label[firm]]),
        np.concatenate([labelled[2], trust[firm]]),
    )


def _overlaps(a: Float32, b: Float32) -> Float64:
    return overlaps(a.astype(np.float64), b.astype(np.float64))


def _none() -> PseudoLabels:
    return np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32)
