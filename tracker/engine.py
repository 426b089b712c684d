"""The tracker: detections of one frame in, tracks out. All tracks live as rows of arrays; nothing loops over them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from models.errors import ConfigError, DataError
from tracker.association import assign
from tracker.config import TrackerConfig
from tracker.costs import COSTS, Pairs
from tracker.motion import MOTIONS, Look, Prediction
from tracker.types import Bool, Detections, Float64, Int64, State, Tracks

GRAIN = 1_000_000  # ticks a second: a microsecond, as FFmpeg's AV_TIME_BASE


@dataclass(slots=True)
class _Table:
    """All tracks alive, one row each, in every array."""

    id: Int64
    motion: Float64  # (N, width), the motion model's own
    label: Int64
    evidence: Float64  # how far the label leads, summed scores
    score: Float64
    born: Float64  # seconds on the tracker's clock
    seen: Float64
    shown: Bool

    def take(self, rows: Bool) -> _Table:
        return _Table(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def join(self, other: _Table) -> _Table:
        both = {f.name: (getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        return _Table(**{name: np.concatenate(pair) for name, pair in both.items()})


class Tracker:
    """Tracks objects in true time: call `update` once a frame, with that frame's time in seconds."""

    def __init__(self, config: TrackerConfig | None = None) -> None:
        config = config or TrackerConfig()
        self.config = config
        for kind, name, known in (("motion", config.motion, MOTIONS), ("cost", config.cost, COSTS)):
            if name not in known:
                raise ConfigError(f"there is no {kind} {name!r}; choose one of {', '.join(known)}.")
        self._motion = MOTIONS[config.motion](config)
        self._cost = COSTS[config.cost](config)
        self._next_id = 1
        self._ticks: int | None = None
        self._origin = 0
        none = np.zeros(0)
        self._table = _Table(
            np.zeros(0, np.int64),
            np.zeros((0, self._motion.width)),
            np.zeros(0, np.int64),
            none,
            none,
            none,
            none,
            np.zeros(0, bool),
        )

    def update(self, detections: Detections, time: float, warp: Float64 | None = None) -> Tracks:
        """All tracks alive after the frame at `time`.

        Args:
            detections: what was found in the frame.
            time: seconds, later than the last update's; any origin.
            warp: (2, 3) affine from the previous update's pixels to this frame's, where the camera moved.

        Raises:
            DataError: the time is not finite or does not come after the last one.
        """
        now = self._clock(time)
        c, table = self.config, self._table
        if warp is not None and len(table.id):
            table.motion = self._motion.warp(table.motion, np.asarray(warp, np.float64))
        use = detections.score >= c.low_score
        index = np.flatnonzero(use)
        look = Look.at(detections.xyxy[index], detections.score[index])
        label = detections.label[index]
        matched = np.full(len(table.id), -1)
        prediction = None
        if len(table.id):
            prediction = self._motion.predict(table.motion, now)
        if prediction is not None and len(index):
            pairs = self._pairs(prediction, look, label)
            odds = self._cost(pairs)
            high = look.score >= c.high_score
            first = high[pairs.detection]
            r, d = assign(pairs.track[first], pairs.detection[first], odds[first] - _logit(c.match_probability))
            matched[r] = d
            second = ~first & (matched[pairs.track] < 0)
            r, d = assign(pairs.track[second], pairs.detection[second], odds[second] - _logit(c.low_match_probability))
            matched[r] = d
        hit = np.flatnonzero(matched >= 0)
        taken = matched[hit]
        if len(hit):
            table.motion[hit] = self._motion.update(table.motion[hit], look.take(taken), now)
            table.score[hit] = look.score[taken]
            table.seen[hit] = now
            table.shown[hit] = True
        free = np.ones(len(index), bool)
        free[taken] = False
        new = np.flatnonzero(free & (look.score >= c.birth_score))
        unseen = now - table.seen
        limit = np.where(table.shown, c.life, c.tentative_life)
        keep = unseen <= limit
        boxes = np.zeros((0, 4)) if prediction is None else prediction.xyxy
        if len(hit):
            boxes[hit] = look.xyxy[taken]
        if not keep.all():
            table, matched, boxes = table.take(keep), matched[keep], boxes[keep]
        if len(new):
            ids = np.arange(self._next_id, self._next_id + len(new))
            self._next_id += len(new)
            table = table.join(
                _Table(
                    ids,
                    self._motion.start(look.take(new), now),
                    label[new],
                    look.score[new],
                    look.score[new],
                    np.full(len(new), now),
                    np.full(len(new), now),
                    look.score[new] > 0,
                )
            )
            matched = np.concatenate([matched, new])
            boxes = np.concatenate([boxes, look.xyxy[new]])
        self._table = table
        detection = np.where(matched >= 0, index[matched], -1) if len(index) else matched
        state = np.where(~table.shown, State.TENTATIVE, np.where(matched >= 0, State.ACTIVE, State.LOST))
        return Tracks(
            id=table.id,
            xyxy=boxes.astype(np.float32),
            score=table.score.astype(np.float32),
            label=table.label,
            state=state.astype(np.int8),
            unseen=now - table.seen,
            detection=detection,
        )

    def _clock(self, time: float) -> float:
        """Seconds since the first update."""
        if not math.isfinite(time):
            raise DataError(f"the time {time} is not a number of seconds; give finite, increasing times.")
        ticks = round(time * GRAIN)
        if self._ticks is None:
            self._origin = ticks
        elif ticks <= self._ticks:
            raise DataError(
                f"the time {time:.6f} s does not come after {self._ticks / GRAIN:.6f} s; give rising times."
            )
        self._ticks = ticks
        return (ticks - self._origin) / GRAIN

    def _pairs(self, prediction: Prediction, look: Look, label: Int64) -> Pairs:
        ok = self._table.label[:, None] == label
        reach = 6 * prediction.std[:, :2] + np.exp(prediction.seen[:, 3:])
        ok &= abs(look.coordinates[:, 0] - prediction.coordinates[:, 0:1]) < reach[:, :1]
        ok &= abs(look.coordinates[:, 1] - prediction.coordinates[:, 1:2]) < reach[:, 1:]
        i, j = np.nonzero(ok)
        return Pairs(i, j, prediction, look, None, self._table.score, self._table.seen - self._table.born)


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
