"""What a detector learns from: labels, and what teachers see where nobody labelled.

Two teachers that agree on a box are believed (with their mean score as trust); what only one saw, or what they saw
where the labels show nothing, is neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracker.boxes import overlaps
from tracker.types import Bool, Detections, Float32, Float64, Int64

CONSENSUS_MIN_SCORE = 0.3  # mean score from which two teachers that agree are believed
MIN_SCORE = 0.15  # a box of a single teacher from this score on is left out of judgement
SAME_IOU = 0.55  # IoU from which two boxes mean the same object

PseudoLabels = tuple[Float32, Int64, Float32]  # xyxy, label, trust


def consensus(answers: Sequence[Detections]) -> PseudoLabels:
    """What the teachers say together: boxes that two saw (mean box, trust above 0), and what one saw (trust 0)."""
    xyxy, label, trust = _none()
    for answer in answers:
        rows = np.flatnonzero(answer.score >= MIN_SCORE / 2)
        xyxy, label, trust = _join((xyxy, label, trust), answer.take(rows))
    keep = (trust >= CONSENSUS_MIN_SCORE) | (trust <= -MIN_SCORE)
    return xyxy[keep], label[keep], np.where(trust[keep] < 0, 0, np.minimum(1, trust[keep] * 1.3)).astype(np.float32)


def _join(marks: PseudoLabels, answer: Detections) -> PseudoLabels:
    """Marks with one more teacher's answer; the score of what one teacher saw alone is negative."""
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
    """Labels and teachers' marks of one picture.

    Args:
        labelled: the labels; trust 0 marks regions to leave out of judgement.
        complete: (C,) bool, the classes of which the labels show every object: there teachers add no objects.
        taught: what `consensus` gave.
    """
    xyxy, label, trust = taught
    if len(label) == 0:
        return labelled
    if len(labelled[1]):
        iou = _overlaps(xyxy, labelled[0]) * (label[:, None] == labelled[1])
        new = iou.max(axis=1) < 0.5
        xyxy, label, trust = xyxy[new], label[new], trust[new]
    firm = (trust >= 0.5) | ~complete[label]  # complete labels bear only strong doubts
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
