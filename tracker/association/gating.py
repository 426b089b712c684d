"""Gating: which pairs of a track and a detection may match, and which cues count, before any score is computed."""

from __future__ import annotations

import numpy as np

from models.association_head.inference import best_of_others
from tracker.association.costs import Pairs
from tracker.types import Bool, Float64, Int64

MIN_IOU = 0.3  # of a prediction and a detection that are one object unless something else claims either
FRESH_S = 0.2  # seconds unseen up to which that holds: after longer gaps another object may stand there
RIVAL_SHARE = 0.5  # of that overlap times the score: from here on another track or detection is a rival
EXIT_AFTER_S = 0.1  # seconds missed from which a track that was last seen at the border counts as gone
BORDER_SHARE = 0.01  # of the image's side: how near to the border that is


def uncontested(pairs: Pairs, tracks: int, detections: int) -> Bool:
    """(K,) which pairs of recently matched tracks overlap without a rival: place alone settles the identity.

    Args:
        pairs: K of them.
        tracks, detections: how many there are.
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
