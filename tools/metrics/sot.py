"""Metrics of single-object tracking: success, precision and normalised precision of one-pass evaluation.

- success: the share of frames with an IoU above a threshold, at 0, 0.05, ..., 1; its mean over these 21 thresholds is
  the AUC (Wu, Lim, Yang, "Online Object Tracking: A Benchmark", CVPR 2013, section 3; ">" as in its toolkit, so that
  even perfect boxes reach 20/21)
- precision: the share of frames with a centre error of at most 20 pixels (the same paper, 0 to 50 pixels)
- normalised precision: the same with the error in widths and heights of the true box, at 0.2 (Mueller et al.,
  "TrackingNet", ECCV 2018, section 4.2; the threshold is that of LaSOT's toolkit)

Frames in which the object is not visible do not count. A frame without an answer has an IoU of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tracker.types import Float64

OVERLAPS = np.arange(21) / 20
PIXELS = np.arange(51.0)
SHARES = np.arange(51) / 100
AT_PIXELS, AT_SHARE = 20, 20  # the thresholds of the scores: 20 pixels, 0.2 of the box


@dataclass(frozen=True, eq=False, slots=True)
class SotScores:
    """The curves of one sequence, or their means.

    Attributes:
        frames: number of frames that count.
        answered: the share of them with a box.
        success: (21,) share of frames above each of `OVERLAPS`.
        precision: (51,) share of frames within each of `PIXELS`.
        normalised: (51,) share of frames within each of `SHARES`.
    """

    frames: int
    answered: float
    success: Float64
    precision: Float64
    normalised: Float64

    @property
    def figures(self) -> dict[str, float]:
        """Success AUC, precision at 20 pixels, normalised precision at 0.2, and the share of frames with an answer."""
        return {
            "auc": float(self.success.mean()),
            "precision": float(self.precision[AT_PIXELS]),
            "normalised": float(self.normalised[AT_SHARE]),
            "answered": self.answered,
        }


def score(truth: Float64, answers: Float64) -> SotScores:
    """The curves of one sequence.

    Args:
        truth: (F, 4) xyxy, NaN where the object is not visible.
        answers: (F, 4) xyxy, NaN where there was no answer.
    """
    seen = ~np.isnan(truth).any(axis=1)
    truth, answers = truth[seen], answers[seen]
    given = ~np.isnan(answers.sum(axis=1))
    answers = np.where(given[:, None], answers, np.inf)  # infinitely far away
    size = truth[:, 2:] - truth[:, :2]
    with np.errstate(invalid="ignore"):
        low, high = np.maximum(truth[:, :2], answers[:, :2]), np.minimum(truth[:, 2:], answers[:, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        union = size.prod(axis=1) + (answers[:, 2:] - answers[:, :2]).prod(axis=1) - shared
        iou = np.where(given, shared / union, 0)
        apart = (answers[:, :2] + answers[:, 2:] - truth[:, :2] - truth[:, 2:]) / 2
    return SotScores(
        frames=len(truth),
        answered=float(given.mean()),
        success=np.mean(iou[:, None] > OVERLAPS, axis=0),
        precision=np.mean(np.hypot(*apart.T)[:, None] <= PIXELS, axis=0),
        normalised=np.mean(np.hypot(*(apart / size).T)[:, None] <= SHARES, axis=0),
    )


def mean(scores: Sequence[SotScores]) -> SotScores:
    """The mean of each curve over sequences with equal weights, as in the toolkit of OTB."""
    return SotScores(
        frames=sum(s.frames for s in scores),
        answered=float(np.mean([s.answered for s in scores])),
        success=np.mean([s.success for s in scores], axis=0),
        precision=np.mean([s.precision for s in scores], axis=0),
        normalised=np.mean([s.normalised for s in scores], axis=0),
    )
