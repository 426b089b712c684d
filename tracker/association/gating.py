"""Gating: which pairs of a track and a detection may match, and which cues count, before any score is computed."""

from __future__ import annotations

import numpy as np

from models.association_head.inference import best_of_others
from tracker.association.costs import Pairs
from tracker.types import Bool, Float64, Int64

MIN_IOU = 0.3  # IoU from which a prediction and a detection without a rival are one object
FRESH_S = 0.2  # longest time since the last match for which that holds: later another object may be there
RIVAL_SHARE = 0.5  # share of the pair's IoU times score from which another track or detection is a rival
EXIT_AFTER_S = 0.1  # seconds without a match from which a track last matched at the border counts as exited
BORDER_SHARE = 0.01  # distance to the border, as a share of the image's side


def uncontested(pairs: Pairs, tracks: int, detections: int) -> Bool:
    """(K,) which pairs of recently matched tracks overlap without a rival: position alone settles the identity.

    Args:
        pairs: the K pairs.
        tracks, detections: their numbers.
    """
    iou = pairs.overlap(0.0).iou
    claim = iou * pairs.observations.score.take(pairs.detection)  # a weak detection is no rival to a strong one
    group = np.concatenate([pairs.track, pairs.detection + tracks])
    others = best_of_others(np.concatenate([claim, claim]), group, tracks + detections).reshape(2, -1).max(axis=0)
    fresh = (pairs.prediction.elapsed <= FRESH_S).take(pairs.track)
    alone: Bool = fresh & (iou >= MIN_IOU) & (others < RIVAL_SHARE * claim)
    return alone


def at_border(xyxy: Float64, size: tuple[float, float]) -> Bool:
    """(N,) which boxes (N, 4) touch the border of an image of `size` = (width, height) pixels."""
    width, height = size
    near_x, near_y = BORDER_SHARE * width, BORDER_SHARE * height
    left, top, right, bottom = xyxy.T
    touch: Bool = (left <= near_x) | (top <= near_y) | (right >= width - near_x) | (bottom >= height - near_y)
    return touch


def reentered(missed: Float64, exited: Bool, weak: Bool, track: Int64, detection: Int64) -> Bool:
    """(K,) which pairs would re-attach a track that has left the frame to a detection too weak to identify it.

    Args:
        missed: (N,) seconds from the tracks' latest matches to the latest frame before this one.
        exited: (N,) which were last matched at the frame's border.
        weak: (M,) which detections are weak.
        track, detection: (K,) the pairs.
    """
    gone = exited & (missed > EXIT_AFTER_S)
    return gone.take(track) & weak.take(detection)
