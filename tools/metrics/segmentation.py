"""Region similarity J and boundary accuracy F of masks, as DAVIS defines them. Pure functions over arrays.

Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016, section 4.
Tests compare the scores with `j_and_f` of TrackEval, which follows davis2017-evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from tracker.types import Bool, Float64, Int64, UInt8

TOLERANCE = 0.008  # tolerance of two boundaries, as a share of the image diagonal
QUARTERS = 4  # decay is the mean of the first quarter minus that of the last
VOID = 255  # label of pixels that are not scored


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Scores of one object, or the mean over several; 0..1.

    Attributes:
        j: mean intersection over union.
        j_recall: share of frames with j above 0.5.
        j_decay: mean j of the first quarter of the frames minus that of the last quarter.
        f: mean F-measure of the boundary.
        f_recall: as for j.
        f_decay: as for j.
    """

    j: float
    j_recall: float
    j_decay: float
    f: float
    f_recall: float
    f_decay: float

    @property
    def j_and_f(self) -> float:
        """The mean of J and F, the main score of DAVIS."""
        return (self.j + self.f) / 2


def region(truth: Bool, found: Bool) -> float:
    """J of two (H, W) masks; 1 where both are empty."""
    union = np.count_nonzero(truth | found)
    return np.count_nonzero(truth & found) / union if union else 1.0


def boundary(mask: Bool) -> Bool:
    """(H, W) the pixels that differ from the pixel to the right, below, or both."""
    grown = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, both = grown[:-1, 1:], grown[1:, :-1], grown[1:, 1:]
    return np.asarray((mask ^ right) | (mask ^ below) | (mask ^ both))


def contour(truth: Bool, found: Bool) -> float:
    """F of the boundaries of two (H, W) masks; 1 where both are empty."""
    reach = math.ceil(TOLERANCE * math.hypot(*truth.shape))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x**2 + y**2 <= reach**2).astype(np.uint8)
    edge_truth, edge_found = boundary(truth).astype(np.uint8), boundary(found).astype(np.uint8)
    n_truth, n_found = int(edge_truth.sum()), int(edge_found.sum())
    if not n_truth or not n_found:
        return float(n_truth == n_found)
    precision = float((edge_found * cv2.dilate(edge_truth, disk)).sum()) / n_found
    recall = float((edge_truth * cv2.dilate(edge_found, disk)).sum()) / n_truth
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def frame_scores(truth: UInt8, found: UInt8, ids: Sequence[int]) -> tuple[Float64, Float64]:
    """(J, F) of each object of `ids` in one frame, from two (H, W) images of object numbers."""
    known = truth != VOID
    pairs = [((truth == k) & known, (found == k) & known) for k in ids]
    return np.array([region(*pair) for pair in pairs]), np.array([contour(*pair) for pair in pairs])


def summarise(j: Float64, f: Float64) -> Segmentation:
    """(T,) J and F of one object, frame by frame -> its scores."""
    return Segmentation(*_statistics(j), *_statistics(f))


def _statistics(values: Float64) -> tuple[float, float, float]:
    """Mean, recall and decay."""
    half = 0.5 + np.finfo(float).eps
    # The reference rounds the same way, but counts in 8 bits, which overflows from 257 frames on.
    cuts = (np.round(np.linspace(1, len(values), QUARTERS + 1) + 1e-10) - 1).astype(int)
    first, last = values[: cuts[1] + 1], values[cuts[-2] :]
    return float(values.mean()), float((values > half).mean()), float(first.mean() - last.mean())


def mean(scores: Sequence[Segmentation]) -> Segmentation:
    """The mean over objects with equal weights."""
    table = np.array([(s.j, s.j_recall, s.j_decay, s.f, s.f_recall, s.f_decay) for s in scores])
    return Segmentation(*table.mean(axis=0).tolist())


def best_ids(overlap: Float64) -> Int64:
    """(N,) the result, of M, for each of N objects, -1 for none: the assignment of greatest sum of (N, M) mean J."""
    import lap

    if not overlap.size:
        return np.full(len(overlap), -1)
    _, found, _ = lap.lapjv(1 - overlap, extend_cost=True)
    return np.asarray(found, np.int64)
