"""Pair scores: the log-odds that a track and a detection are the same object. The `COSTS` plug-ins.

Every entry gives log-odds of pairs, (K,), so costs mix by addition, a threshold is a probability, and a learned scorer
can replace them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tracker.boxes import Overlap, overlap
from tracker.motion.base import Observations, Prediction
from tracker.types import Float64, Int64


@dataclass(frozen=True, slots=True)
class Pairs:
    """K pairs of a track and a detection, with the cues to compare them by.

    Attributes:
        track, detection: (K,) rows into the others.
        prediction: the predictions of the N tracks.
        observations: the M observations of the frame.
        score: (N,) the tracks' latest scores.
        similarity: (K,) cosine of the embeddings, -1..1; nan where either has none; None without embeddings.
    """

    track: Int64
    detection: Int64
    prediction: Prediction
    observations: Observations
    score: Float64
    similarity: Float64 | None = None

    def overlap(self, buffer: float, xyxy: Float64 | None = None) -> Overlap:
        """Of each predicted box (or the tracks' boxes `xyxy`) and its detection; `buffer` as in `boxes.overlap`."""
        boxes = self.prediction.xyxy if xyxy is None else xyxy
        return overlap(boxes.T.take(self.track, 1).T, self.observations.xyxy.T.take(self.detection, 1).T, buffer)

    def of(self, prediction: Prediction) -> Pairs:
        """The same pairs under another prediction."""
        return replace(self, prediction=prediction)


Cost = Callable[[Pairs], Float64]

IOU_SLOPE = 12.0  # log-odds from no overlap to a full overlap
EVEN_IOU = 0.2  # IoU at which the probability of a match is 0.5
BUFFER = 0.3  # share of the box's size on each side, as in the first stage of C-BIoU
STUDENT_T_DOF = 2.0  # degrees of freedom of the Student-t error; a small number tolerates large errors
CLUTTER = -3.0  # log density of the detections of other objects
# Logistic regression beside the other cues on persons of TUD-Campus, TUD-Stadtmitte and MOT16-11: together 13.5 and
# 0.31, each alone 8 to 19 and 0.25 to 0.33. HOTA there is flat from 10 to 13; the lowest of these is used.
ALIKE = 10.0  # log-odds for a unit of cosine
ALIKE_FROM = 0.3  # cosine that gives log-odds of 0

# The mix: the weight of each cue, in units of a full overlap.
MIX_IOU, MIX_BUFFERED, MIX_HEIGHT = 0.5, 0.25, 0.4
MIX_BUFFER = 0.4
MIX_SCORE = 0.4  # for a score difference of 1
MIX_WAIT = 0.06  # for each factor e in the time since the last match
MIX_LEAST = 0.3
MIX_DENSITY = 0.1  # weight of the log density


def iou(pairs: Pairs) -> Float64:
    """IoU of the predicted and the detected box, as in SORT (Bewley et al., ICIP 2016)."""
    return IOU_SLOPE * (pairs.overlap(BUFFER).iou - EVEN_IOU)


def buffered_iou(pairs: Pairs) -> Float64:
    """Overlap of both boxes grown on every side (C-BIoU: Yang et al., WACV 2023)."""
    return IOU_SLOPE * (pairs.overlap(BUFFER).buffered - EVEN_IOU)


def mahalanobis(pairs: Pairs) -> Float64:
    """Student-t log density of the detection under the prediction, above that of clutter; lengths in heights.

    The Mahalanobis distance of DeepSORT (Wojke et al., ICIP 2017, eq. 1) with heavy tails instead of a gate.
    """
    return density(pairs) - CLUTTER


def appearance(pairs: Pairs, weight: float = ALIKE) -> Float64:
    """Appearance similarity, `weight` log-odds for a unit of cosine; 0 where a pair has none."""
    if pairs.similarity is None:
        return np.zeros(len(pairs.track))
    odds: Float64 = np.nan_to_num(weight * (pairs.similarity - ALIKE_FROM))
    return odds


class Cues(NamedTuple):
    """The cues of K pairs: their overlaps, the log density (K,), and the log-odds of all cues together (K,)."""

    boxes: Overlap
    density: Float64
    odds: Float64


def mix(pairs: Pairs) -> Float64:
    """The cues together, with weights chosen for HOTA on training sequences (`docs/decisions`)."""
    return cues(pairs).odds


def cues(pairs: Pairs) -> Cues:
    """The mix and its parts."""
    boxes, fit = pairs.overlap(MIX_BUFFER), density(pairs)
    change = abs(pairs.score.take(pairs.track) - pairs.observations.score.take(pairs.detection))
    wait = np.log1p(pairs.prediction.elapsed / 0.3).take(pairs.track)
    overlaps = MIX_IOU * boxes.iou + MIX_BUFFERED * boxes.buffered + MIX_HEIGHT * boxes.height
    odds = IOU_SLOPE * (overlaps - MIX_SCORE * change - MIX_WAIT * wait - MIX_LEAST)
    odds += MIX_DENSITY * np.minimum(np.maximum(fit, -20), 20)
    return Cues(boxes, fit, odds if pairs.similarity is None else odds + appearance(pairs))


def density(pairs: Pairs) -> Float64:
    """(K,) log density up to a constant."""
    p, i = pairs.prediction, pairs.track
    std = p.std.T  # (4, N): sums over long rows are faster than sums over rows of 4
    gap = (pairs.observations.coordinates.T.take(pairs.detection, 1) - p.coordinates.T.take(i, 1)) / std.take(i, 1)
    volume = np.add.reduce(np.log(std)) - 2 * p.last_coordinates[:, 3]
    distance = np.add.reduce(gap * gap)
    density: Float64 = -0.5 * (STUDENT_T_DOF + 4) * np.log1p(distance / STUDENT_T_DOF) - volume.take(i)
    return density


COSTS: dict[str, Cost] = {
    "iou": iou,
    "buffered_iou": buffered_iou,
    "mahalanobis": mahalanobis,
    "appearance": appearance,
    "mix": mix,
}
