"""The online tracker's decisions over a whole recording, with the log-odds of each and of its rivals."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields

import numpy as np

from models.association_head.inference import best_of_others
from tracker.association.costs import Pairs
from tracker.association.matching import MatchProblem
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.motion_registry import ASSOCIATORS, MOTIONS
from tracker.offline.types import VideoDetections
from tracker.types import Bool, Detections, Float32, Float64, Int64, State, Tracks

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
    confirmed: Bool
    before: Int64
    log_odds: Float32
    margin: Float32
    pair_earlier: Int64
    pair_later: Int64
    pair_log_odds: Float32


class _Recorder:
    """Listens to an associator, and keeps the log-odds of one frame."""

    def __init__(self) -> None:
        self.latest: dict[int, int] = {}  # track -> row of its latest detection
        self.begin(0, 0)

    def begin(self, first: int, count: int) -> None:
        """Starts a frame with `count` detections, of which the first is row `first` of the recording."""
        self._first = first
        self.log_odds = np.full(count, np.nan, np.float32)
        self.margin = np.full(count, np.nan, np.float32)
        self.pairs: list[tuple[Int64, Int64, Float32]] = []

    def __call__(self, problem: MatchProblem, pairs: Pairs, logits: Float64, matched: Int64) -> None:
        seen = problem.observations
        index = np.arange(len(seen)) if seen.index is None else seen.index
        tracks, columns = len(problem.id), len(seen)
        group = np.concatenate([pairs.track, pairs.detection + tracks])
        rival = best_of_others(np.concatenate([logits, logits]), group, tracks + columns).reshape(2, -1).max(axis=0)
        chosen = matched.take(pairs.track) == pairs.detection
        hit = matched >= 0
        rows = index.take(matched[hit])
        self.log_odds[rows] = self.margin[rows] = UNKNOWN_LOGIT
        at = index.take(pairs.detection[chosen])
        self.log_odds[at] = logits[chosen]
        self.margin[at] = logits[chosen] - rival[chosen]
        good = logits > MIN_PAIR_LOGIT
        latest = np.array([self.latest[i] for i in problem.id.tolist()], np.int64)
        later = self._first + index.take(pairs.detection[good])
        self.pairs.append((latest.take(pairs.track[good]), later, logits[good].astype(np.float32)))


class OnlineRun:
    """The online tracker over frames that come one by one; it keeps its decisions until they are forgotten.

    Args:
        config: the tracker.
        size: (width, height) of the images, pixels; (0, 0) where unknown.

    Raises:
        ConfigError, WeightsError: as `Tracker`.
    """

    def __init__(self, config: TrackerConfig, size: tuple[int, int] = (0, 0)) -> None:
        motion = MOTIONS[config.motion](config)
        associator = ASSOCIATORS[config.cost](config, motion)
        self._recorder = _Recorder()
        associator.listener = self._recorder
        self._tracker = Tracker(config, motion, associator=associator, size=size)
        self._frames: deque[OnlineTracks] = deque()  # rows count over the whole recording
        self._begin = self._end = 0  # rows that are kept

    def add(self, time: float, detections: Detections, warp: Float64 | None = None) -> None:
        """Tracks the next frame, exactly as `Tracker.update` does."""
        n, recorder = len(detections), self._recorder
        recorder.begin(self._end, n)
        tracks = self._tracker.update(detections, time, warp)
        track, confirmed, before = np.full(n, -1), np.zeros(n, bool), np.full(n, -1)
        hit = tracks.detection >= 0
        rows, ids = tracks.detection[hit], tracks.id[hit]
        track[rows] = ids
        confirmed[rows] = tracks.state[hit] == State.ACTIVE
        for row, one in zip(rows.tolist(), ids.tolist(), strict=True):
            before[row] = recorder.latest.get(one, -1)
            recorder.latest[one] = self._end + row
        earlier, later, odds = _joined(recorder.pairs)
        self._frames.append(
            OnlineTracks(track, confirmed, before, recorder.log_odds, recorder.margin, earlier, later, odds)
        )
        self._end += n

    def predict(self, time: float) -> Tracks:
        """The tracks as predicted at `time`, as `Tracker.predict` does; it changes nothing."""
        return self._tracker.predict(time)

    def forget(self, frames: int) -> None:
        """Forgets the first `frames` of the frames that are kept."""
        for _ in range(frames):
            self._begin += len(self._frames.popleft().track)

    def tracks(self) -> OnlineTracks:
        """What was decided about the detections that are kept; rows count from the first of them."""
        parts = self._frames
        if not parts:
            none = np.zeros(0, np.int64)
            empty = np.zeros(0, np.float32)
            return OnlineTracks(none, np.zeros(0, bool), none, empty, empty, none, none, empty)
        columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(OnlineTracks)}
        kept = columns["pair_earlier"] >= self._begin
        for name in ("pair_earlier", "pair_later", "pair_log_odds"):
            columns[name] = columns[name][kept]
        for name in ("pair_earlier", "pair_later"):
            columns[name] = columns[name] - self._begin
        columns["before"] = np.maximum(columns["before"] - self._begin, -1)
        return OnlineTracks(**columns)


def track_online(detections: VideoDetections, config: TrackerConfig) -> OnlineTracks:
    """Tracks all frames in order, exactly as `Tracker.update` does frame by frame.

    Raises:
        ConfigError, WeightsError: as `Tracker`.
    """
    run = OnlineRun(config, detections.size)
    for k, time in enumerate(detections.times.tolist()):
        run.add(time, detections.at(k), None if detections.warps is None or k == 0 else detections.warps[k])
    return run.tracks()


def _joined(pairs: list[tuple[Int64, Int64, Float32]]) -> tuple[Int64, Int64, Float32]:
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    earlier, later, odds = zip(*pairs, strict=True)
    return np.concatenate(earlier), np.concatenate(later), np.concatenate(odds)
