"""The online tracker's decisions over a whole recording, with the log-odds of each and of its rivals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.association_head.inference import best_of_others
from tracker.association.costs import Pairs
from tracker.association.matching import MatchProblem
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.motion_registry import ASSOCIATORS, MOTIONS
from tracker.offline.types import VideoDetections
from tracker.types import Float32, Float64, Int64, State

MIN_PAIR_LOGIT = -6.0  # log-odds from which a pair is kept
UNKNOWN_LOGIT = 0.0  # of a match across classes, whose log-odds are not known


@dataclass(frozen=True, eq=False, slots=True)
class OnlineTracks:
    """What the online tracker decided about N detections.

    Attributes:
        track: (N,) id of each detection's track, -1 where it belongs to none.
        confirmed: (N,) bool, whether the track was confirmed then: what online tracking shows.
        before: (N,) the row of the track's detection before this one; -1 where there is none.
        log_odds: (N,) of the match; nan where a track starts, or without a track.
        margin: (N,) `log_odds` minus the best rival's of the same track or detection; "no match" counts as 0.
        pair_earlier, pair_later: (K,) the pairs that the tracker scored: the latest detection of a track, and a
            detection of the frame.
        pair_log_odds: (K,) their log-odds, at least `MIN_PAIR_LOGIT`.
    """

    track: Int64
    confirmed: Int64
    before: Int64
    log_odds: Float32
    margin: Float32
    pair_earlier: Int64
    pair_later: Int64
    pair_log_odds: Float32


class _Recorder:
    """Listens to an associator, and keeps the log-odds of each frame."""

    def __init__(self, detections: int) -> None:
        self.log_odds = np.full(detections, np.nan, np.float32)
        self.margin = np.full(detections, np.nan, np.float32)
        self.latest: dict[int, int] = {}  # track -> row of its latest detection
        self.first = 0  # row of the frame's first detection
        self.pairs: list[tuple[Int64, Int64, Float32]] = []

    def __call__(self, problem: MatchProblem, pairs: Pairs, logits: Float64, matched: Int64) -> None:
        seen = problem.observations
        index = np.arange(len(seen)) if seen.index is None else seen.index
        tracks, columns = len(problem.id), len(seen)
        group = np.concatenate([pairs.track, pairs.detection + tracks])
        rival = best_of_others(np.concatenate([logits, logits]), group, tracks + columns).reshape(2, -1).max(axis=0)
        chosen = matched.take(pairs.track) == pairs.detection
        hit = matched >= 0
        rows = self.first + index.take(matched[hit])
        self.log_odds[rows] = self.margin[rows] = UNKNOWN_LOGIT
        at = self.first + index.take(pairs.detection[chosen])
        self.log_odds[at] = logits[chosen]
        self.margin[at] = logits[chosen] - rival[chosen]
        good = logits > MIN_PAIR_LOGIT
        latest = np.array([self.latest[i] for i in problem.id.tolist()], np.int64)
        later = self.first + index.take(pairs.detection[good])
        self.pairs.append((latest.take(pairs.track[good]), later, logits[good].astype(np.float32)))


def track_online(detections: VideoDetections, config: TrackerConfig) -> OnlineTracks:
    """Tracks all frames in order, exactly as `Tracker.update` does frame by frame.

    Raises:
        ConfigError, WeightsError: as `Tracker`.
    """
    n = len(detections)
    motion = MOTIONS[config.motion](config)
    associator = ASSOCIATORS[config.cost](config, motion)
    recorder = _Recorder(n)
    associator.listener = recorder
    tracker = Tracker(config, motion, associator=associator, size=detections.size)
    track, confirmed, before = np.full(n, -1), np.zeros(n, bool), np.full(n, -1)
    starts = np.searchsorted(detections.frame, np.arange(len(detections.times) + 1)).tolist()
    for k, time in enumerate(detections.times.tolist()):
        recorder.first = starts[k]
        warp = None if detections.warps is None or k == 0 else detections.warps[k]
        tracks = tracker.update(detections.at(k), time, warp)
        hit = tracks.detection >= 0
        rows, ids = tracks.detection[hit] + starts[k], tracks.id[hit]
        track[rows] = ids
        confirmed[rows] = tracks.state[hit] == State.ACTIVE
        for row, one in zip(rows.tolist(), ids.tolist(), strict=True):
            before[row] = recorder.latest.get(one, -1)
            recorder.latest[one] = row
    earlier, later, odds = (
        (np.concatenate(part) for part in zip(*recorder.pairs, strict=True))
        if recorder.pairs
        else (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    )
    return OnlineTracks(track, confirmed, before, recorder.log_odds, recorder.margin, earlier, later, odds)
