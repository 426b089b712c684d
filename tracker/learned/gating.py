"""Gating for the head: which pairs of a frame it scores. In most frames position alone settles most pairs."""

from __future__ import annotations

import numpy as np

from models.association_head.inference import best_of_others
from tracker.association.costs import Pairs
from tracker.types import Bool, Float64, Int64

MIN_LOGIT = -8.0  # log-odds of the prior up to which a pair is not scored: none below -6 was ever matched
# A pair of this log-odds, and so far above every other pair of its track and of its detection, is settled: the head
# hardly ever disagrees.
SETTLED, CLEAR = 4.0, 4.0
MIN_RIVAL_LOGIT = -4.0  # log-odds up to which a pair is no rival to a settled one
MAX_UNSEEN_S = 0.5  # longest time since the last match for which a track's pairs can be settled
MIN_SCORE = 0.4  # score from which a detection's pairs can be settled


def gate(pairs: Pairs, odds: Float64, settle: bool) -> tuple[Int64, Int64]:
    """Rows of the pairs that the head is to score, and of those that are unambiguous matches and left out.

    Args:
        pairs: all pairs of the frame.
        odds: (K,) log-odds of the prior's own association.
        settle: leave out the unambiguous ones.
    """
    worth: Bool = odds > MIN_LOGIT
    settled = _unambiguous(pairs, odds) if settle else np.zeros(0, np.int64)
    if len(settled):
        worth, settled = _contested(pairs, worth, odds > MIN_RIVAL_LOGIT, settled)
    return worth.nonzero()[0], settled


def _unambiguous(pairs: Pairs, odds: Float64) -> Int64:
    """Rows of unambiguous pairs: high scores, recently matched tracks, log-odds far above those of every rival."""
    sure = (odds >= SETTLED) & (pairs.observations.score >= MIN_SCORE).take(pairs.detection)
    sure &= (pairs.prediction.elapsed <= MAX_UNSEEN_S).take(pairs.track)
    above = odds - (SETTLED - CLEAR)  # only pairs above this can be settled, or rivals of a settled pair
    strong = (above > 0).nonzero()[0]
    n, above = len(pairs.prediction.elapsed), above.take(strong)
    group = np.concatenate([pairs.track.take(strong), pairs.detection.take(strong) + n])
    rivals = best_of_others(np.concatenate([above, above]), group, n + len(pairs.observations.score)).reshape(2, -1)
    return strong.compress((above - CLEAR >= rivals.max(axis=0)) & sure.take(strong))


def _contested(pairs: Pairs, good: Bool, rival: Bool, settled: Int64) -> tuple[Bool, Int64]:
    """The good pairs to score, and the settled pairs to leave out.

    A pair whose track and detection are both settled with others is left out, and so is a settled pair without a rival.
    The remaining pairs still include every relevant rival.
    """
    track, detection = pairs.track, pairs.detection
    tracks, detections = np.ones(len(pairs.prediction.elapsed), bool), np.ones(len(pairs.observations.score), bool)
    tracks[track.take(settled)] = detections[detection.take(settled)] = False
    free_track, free_detection = tracks.take(track), detections.take(detection)
    open_ = good & (free_track | free_detection) & (rival | (free_track & free_detection))
    tracks[track[open_]] = detections[detection[open_]] = True
    met = tracks.take(track.take(settled)) | detections.take(detection.take(settled))
    open_[settled[met]] = True
    return open_, settled[~met]
