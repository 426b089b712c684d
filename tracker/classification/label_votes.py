"""Class evidence of a detector's boxes, and its quality."""

from __future__ import annotations

import numpy as np

from tracker.boxes import overlapping_pairs
from tracker.types import Bool, Float32, Float64, Int64

LABEL_QUALITY = ("size", "score", "crowding")
# IoU from which boxes of two classes are one object: 118 of COCO's 18,124 boxes, most labelled twice
DUPLICATE_IOU = 0.7


def label_quality(xyxy: Float64, score: Float64, crowding: Float64) -> Float32:
    """(N, 3) the features of `LABEL_QUALITY` of boxes (N, 4), their scores and the largest IoU with another box."""
    side = np.sqrt((xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1))
    return np.stack([np.log(side / 64) / 2, score, crowding], axis=1).astype(np.float32)


def class_evidence(xyxy: Float64, score: Float64, label: Int64, classes: int) -> tuple[Float32, Bool]:
    """Class evidence of each box, and which boxes duplicate a higher-scoring box of another class.

    Args:
        xyxy: (N, 4) boxes.
        score: (N,) 0..1.
        label: (N,) classes.
        classes: K, the number of classes.

    Returns:
        (N, K) shares of the classes among the boxes of IoU `DUPLICATE_IOU` and more with each box, by score; (N,)
        whether a higher-scoring box of another class has that IoU.
    """
    n = len(xyxy)
    votes = np.zeros((n, classes), np.float32)
    votes[np.arange(n), label] = score
    i, j, shared = overlapping_pairs(xyxy)
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
    twins = (shared >= DUPLICATE_IOU * (area[i] + area[j] - shared)) & (label[i] != label[j])
    i, j = i[twins], j[twins]
    worse = np.zeros(n, bool)
    if len(i):
        np.maximum.at(votes, (i, label[j]), score[j].astype(np.float32))
        np.maximum.at(votes, (j, label[i]), score[i].astype(np.float32))
        first = (score[i] > score[j]) | ((score[i] == score[j]) & (i < j))
        worse[np.where(first, j, i)] = True
    return votes / np.maximum(votes.sum(axis=1, keepdims=True), 1e-9), worse
