"""Score calibration: maps the detection head's scores to the scale of the tracker's thresholds.

The head's scores are qualities (IoU times presence), so that even certain detections stay below 0.7, while the
tracker's thresholds were chosen for scores like YOLOX's. A straight line in log-odds maps a score to the YOLOX-nano
score of equal precision. It does not change the order of scores, so average precision is unchanged (Platt,
"Probabilistic Outputs for Support Vector Machines", 1999, section 2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.runtime.arrays import Float64
from models.runtime.maths import expit, logit

# YOLOX-nano on every second of 118 held-out images of COCO val2017: log-odds of a true positive by those of the score
YOLOX = (1.30, 0.80)
NEWTON_STEPS = 30  # Newton's method converges after about 12
MIN_EXAMPLES = 50  # true positives from which a class has its own line


def fit(score: NDArray[np.floating], right: NDArray[np.bool_]) -> tuple[float, float]:
    """(slope, shift) in log-odds that give `score` the precision of YOLOX-nano's; (1, 0) where it cannot be fitted.

    Args:
        score: (N,) scores of all detections.
        right: (N,) whether each is a true positive.
    """
    if right.all() or not right.any():
        return 1.0, 0.0
    x = np.stack([logit(score), np.ones(len(score))], axis=1)
    weight = np.array([1.0, 0.0])
    for _ in range(NEWTON_STEPS):
        p = expit(x @ weight)
        curve = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        weight = weight + np.linalg.solve(curve, x.T @ (right - p))
    if not np.isfinite(weight).all() or weight[0] <= 0:
        return 1.0, 0.0
    return float(weight[0] / YOLOX[0]), float((weight[1] - YOLOX[1]) / YOLOX[0])


def finds(score: NDArray[np.floating], fits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) whether each of N detections in an image is a true positive; an object counts once, for the best score.

    Args:
        score: (N,) scores.
        fits: (N, M) whether a detection fits each of M objects.
    """
    free, right = fits.copy(), np.zeros(len(score), bool)
    for row in np.argsort(-score):
        mine = np.flatnonzero(free[row])
        if len(mine):
            right[row] = True
            free[:, mine[0]] = False
    return right


def fit_classes(
    score: NDArray[np.floating], right: NDArray[np.bool_], label: NDArray[np.int64], classes: int
) -> list[tuple[float, float]]:
    """A line of `fit` for each class; classes with few true positives share one."""
    common = fit(score, right)
    return [
        fit(score[label == k], right[label == k]) if right[label == k].sum() >= MIN_EXAMPLES else common
        for k in range(classes)
    ]


def apply(score: NDArray[np.floating], lines: Float64) -> NDArray[np.float32]:
    """(N, C) scores of C classes, each mapped by its line of (C, 2) slopes and shifts."""
    return expit(lines[:, 0] * logit(score) + lines[:, 1]).astype(np.float32)


def undo(score: float, lines: Float64) -> Float64:
    """(C,) the scores that `apply` maps to `score`; 0 and 1 are unchanged."""
    if not 0 < score < 1:
        return np.full(len(lines), score)
    return expit((logit(np.array(score)) - lines[:, 1]) / lines[:, 0])
