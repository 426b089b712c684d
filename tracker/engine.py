"""The tracker: the detections of one frame in, all tracks out. Tracks are rows of arrays, without loops over them.

An update follows tracking by detection (SORT: Bewley et al., ICIP 2016): predict every track at the frame's time, match
predictions with detections, update matched tracks, end expired tracks, start new tracks. The difference is the time:
predictions, lifetimes and weights all follow from true seconds, never from a count of frames.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.errors import ConfigError, DataError, WeightsError
from tracker.appearance.track_embedding import update_embedding
from tracker.association.candidates import Candidates
from tracker.association.gating import at_border
from tracker.association.matching import Associator, MatchProblem
from tracker.boxes import magnification, to_xyxy
from tracker.classification.track_classes import ClassPooling
from tracker.config import TrackerConfig
from tracker.inputs.bounds import MAX_TRACKS, strongest
from tracker.inputs.columns import real, seconds
from tracker.motion.base import Motion, Observations, Prediction
from tracker.motion_registry import ASSOCIATORS, MOTIONS, logit
from tracker.table import Table
from tracker.types import Bool, Detections, Float32, Float64, Int64, State, Tracks

MIN_EXTENT_PX = 64.0  # pixels: least extent of an image of unknown size
TICKS_PER_S = 1_000_000  # ticks a second: a microsecond, as FFmpeg's AV_TIME_BASE
TENTATIVE, ACTIVE, LOST = np.int8(State.TENTATIVE), np.int8(State.ACTIVE), np.int8(State.LOST)


@dataclass(slots=True)
class _Table(Table):
    """All tracks alive, one row each, in every array."""

    id: Int64
    motion: Float64  # (N, width), state of the motion model
    embedding: Float32  # (N, D) unit embeddings, 0 where none is known; D is 0 before the first embedding
    label: Int64
    classes: Float32  # (N, width), state of the class pooling; width is 0 with a single class
    score: Float64
    last_update: Float64  # seconds on the tracker's clock
    last_embedded: Float64  # seconds on the tracker's clock, when its embedding was last updated
    start_time: Float64  # seconds on the tracker's clock


@dataclass(frozen=True, eq=False, slots=True)
class Snapshot:
    """The tracks after one update. It never changes, and any thread may use it.

    Attributes:
        predict: `Tracker.predict` of these tracks.
        id: (N,) int64, in the order of the update's `Tracks`.
    """

    predict: Callable[[float], Tracks]
    id: Int64


class Tracker:
    """Tracks objects in true time: call `update` once a frame, with that frame's time in seconds.

    Args:
        config: how tracks are started, matched and ended.
        motion: motion model, in place of the one that `config` names.
        associator: associator, in place of the one that `config.cost` names; it must fit the motion model.
        classes: pools class evidence; by default it grows with the labels that occur.
        size: (width, height) of the frames, pixels. The evidence for births depends on it, and exits are detected only
            with it; without it, the extent of all boxes so far stands for the frame and no track counts as exited.

    Raises:
        ConfigError: `config` names a motion or a cost that does not exist.
        WeightsError: the weights that `config` names are missing, damaged or of another version.
    """

    def __init__(
        self,
        config: TrackerConfig | None = None,
        motion: Motion | None = None,
        classes: ClassPooling | None = None,
        size: tuple[int, int] | None = None,
        associator: Associator | None = None,
    ) -> None:
        config = config or TrackerConfig()
        self.config = config
        for kind, name, known in (("motion", config.motion, MOTIONS), ("cost", config.cost, ASSOCIATORS)):
            if name not in known:
                raise ConfigError(f"there is no {kind} {name!r}; choose one of {', '.join(known)}.")
        self._motion = motion or MOTIONS[config.motion](config)
        self._associator = associator or ASSOCIATORS[config.cost](config, self._motion)
        self._crowded = self._motion.uses_crowding or self._associator.uses_crowding
        self._classes = classes or ClassPooling()
        self._candidates = Candidates()
        self._size: Float64 | None = None if size is None or 0 in size else np.array(size, np.float64)
        self._extent = np.full(2, MIN_EXTENT_PX)  # right and bottom of all boxes so far, used without a size
        self._next_id = 1
        self._latest = 0.0  # seconds on the tracker's clock
        self._now = 0.0
        self._evidence = logit(config.new_track_probability) if config.new_track_probability < 1 else math.inf
        self._ticks: int | None = None
        self._origin = 0
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        rows, embeddings = np.zeros((0, self._motion.width)), np.zeros((0, 0), np.float32)
        self._table = _Table(whole, rows, embeddings, whole, embeddings, real, real, real, real)

    def update(self, detections: Detections, time: float, warp: Float64 | None = None) -> Tracks:
        """All tracks alive after the frame at `time`.

        Args:
            detections: the detections of the frame.
            time: seconds, later than the last update's; any origin.
            warp: (2, 3) affine from the previous update's pixels to this frame's, where the camera moved.

        Raises:
            DataError: `detections` is of another type, the time is not finite or not later than the last one, the
                length of embeddings changes, or the warp is no affine.
        """
        detections = Detections.of(detections)
        affine = None if warp is None else _affine(warp, time)
        self._now = now = self._clock(time)
        c = self.config
        self._table = table = self._alive(self._table, now)
        if affine is not None:
            self._candidates.warp(affine)
            self._associator.warp(affine)
        seen = self._observations(detections)
        matched = np.full(len(table.id), -1)
        boxes, life = np.zeros((0, 4)), np.zeros(0)
        if len(table.id):
            if affine is not None:
                table.motion = self._motion.warp(table.motion, affine)
            prediction = self._motion.predict(table.motion, now)
            boxes, life = prediction.xyxy, self._life(table, prediction)
        births = seen.score >= c.new_track_score
        weak = (~births).nonzero()[0]
        odds = self._candidates.observe(seen.boxes(weak), boxes, table.label, now, self._area(seen.xyxy))
        births[weak] = odds >= self._evidence
        if len(table.id) and len(seen):
            matched = self._associator.match(self._problem(table, prediction, seen, births))
        hit = (matched >= 0).nonzero()[0]
        taken = matched.take(hit)
        if len(hit):
            found = seen.take(taken)
            self._update(table, hit, found, prediction.take(hit))
            boxes[hit] = found.xyxy
        keep = now - table.last_update <= life
        if not keep.all():
            table, matched, boxes = table.take(keep), matched[keep], boxes[keep]
        free = np.ones(len(seen), bool)
        free[taken] = False
        unexplained = free & ~births
        self._candidates.keep(unexplained.take(weak))
        new = (free & births).nonzero()[0][: max(0, MAX_TRACKS - len(table.id))]
        if len(new):
            table = table.join(self._new_tracks(seen.take(new)))
            matched = np.concatenate([matched, new])
            boxes = np.concatenate([boxes, seen.xyxy[new]])
        self._table, self._latest = table, now
        self._associator.learn(seen, new, unexplained, now)
        hits = matched >= 0
        detection = matched if seen.index is None or not len(seen) else np.where(hits, seen.index.take(matched), -1)
        return self._tracks(table, boxes, hits, detection, now)

    def predict(self, time: float) -> Tracks:
        """All tracks as predicted at `time`, without any detections until then. Pure: it changes nothing.

        It may be called any number of times between two updates, for example by a display with a higher frame rate than
        the detector. Its rows are the tracks that an `update` without detections at that time would keep: a track whose
        lifetime ends by then is left out, a track last seen at the image's border is kept as long as any other.

        Boxes are the motion model's means, in the pixels of the latest update's frame (the camera's motion since then
        is not known here). Their uncertainty grows with the time since a track's latest match. A velocity decays within
        0.5 to 5 s, depending on how steadily the object moved, so that a box comes to rest. At the latest update's own
        time the box is the model's estimate, which lies between its prediction and the detection.

        Args:
            time: seconds on the clock of `update`, the latest update's or later.

        Returns:
            The tracks; none before the first update. `state` is that of the latest update (ACTIVE: matched in it),
            `detection` is -1 throughout, `time_since_update` counts to `time`.

        Raises:
            DataError: the time is not finite, or lies before the latest update.
        """
        ticks = round(seconds(time, "the time") * TICKS_PER_S)
        if self._ticks is None:
            return Tracks.empty()
        if ticks < self._ticks:
            raise DataError(
                f"the time {time:.6f} s lies before the latest update at {self._ticks / TICKS_PER_S:.6f} s; "
                "ask for that time or a later one."
            )
        now = (ticks - self._origin) / TICKS_PER_S
        table = self._alive(self._table, now)
        boxes = np.zeros((0, 4))
        if len(table.id):
            prediction = self._motion.predict(table.motion, now)
            keep = now - table.last_update <= self._life(table, prediction)
            table, boxes = table.take(keep), prediction.xyxy[keep]
        return self._tracks(table, boxes, table.last_update == self._latest, np.full(len(boxes), -1), now)

    def snapshot(self) -> Snapshot:
        """The tracks as they are now, for a thread that predicts them while this tracker goes on."""
        frozen = copy.copy(self)
        frozen._table = self._table.take(np.ones(len(self._table.id), bool))  # copies: an update writes into its rows
        frozen._classes = copy.copy(self._classes)
        return Snapshot(frozen.predict, frozen._table.id)

    def outlook(self, time: float) -> tuple[Float64, Float64]:
        """(N, 4) predicted boxes in pixels and (N,) the spread of the tracks of the latest update at a later `time`.

        The spread is the standard deviation of the centre, in mean side lengths of the box. Pure, as `predict`.
        """
        now = (round(seconds(time, "the time") * TICKS_PER_S) - self._origin) / TICKS_PER_S
        table = self._table.take(self._table.last_update == self._latest)
        if not len(table.id):
            return np.zeros((0, 4)), np.zeros(0)
        prediction = self._motion.predict(table.motion, now)
        side = np.exp(0.5 * (prediction.coordinates[:, 2] + prediction.coordinates[:, 3]))
        return prediction.xyxy, np.hypot(prediction.std[:, 0], prediction.std[:, 1]) / side

    @property
    def parts(self) -> tuple[Motion, Associator]:
        """The motion model and the associator in use."""
        return self._motion, self._associator

    def exchange(self, motion: Motion, associator: Associator) -> None:
        """From the next update on, track with these; all tracks go on.

        Raises:
            WeightsError: the motion model keeps other numbers of a track than the one before.
        """
        if motion.width != self._motion.width:
            raise WeightsError(
                f"the new weights keep {motion.width} numbers of a track, and those before {self._motion.width}; give "
                "a head of the same sizes."
            )
        self._motion, self._associator = motion, associator
        self._crowded = motion.uses_crowding or associator.uses_crowding

    def new_id(self) -> int:
        """Reserves the next id, for an object that is tracked outside the engine."""
        self._next_id += 1
        return self._next_id - 1

    def _clock(self, time: float) -> float:
        """Seconds since the first update."""
        time = seconds(time, "the time")
        ticks = round(time * TICKS_PER_S)
        if self._ticks is None:
            self._origin = ticks
        elif ticks <= self._ticks:
            raise DataError(
                f"the time {time:.6f} s does not come after {self._ticks / TICKS_PER_S:.6f} s; give rising times."
            )
        self._ticks = ticks
        return (ticks - self._origin) / TICKS_PER_S

    def _observations(self, detections: Detections) -> Observations:
        """The detections of sufficient score, without duplicates of a higher-scoring one with another class."""
        index = (detections.score >= self.config.low_score).nonzero()[0]
        index = index.take(strongest(detections.score.take(index)))
        label = detections.label.take(index)
        self._table.classes, evidence = self._classes.fit(self._table.classes, label), None
        if self._classes.several:
            xyxy, score = detections.xyxy.take(index, 0), detections.score.take(index)
            evidence, worse = self._classes.evidence(xyxy.astype(np.float64), score.astype(np.float64), label)
            rows = (~worse).nonzero()[0]
            index, label, evidence = index.take(rows), label.take(rows), evidence.take(rows)
        return self._motion.observe(
            detections.xyxy.take(index, 0),
            detections.score.take(index),
            self._crowded,
            label,
            embedding=self._embedding(detections, index),
            evidence=evidence,
            index=index,
        )

    def _embedding(self, detections: Detections, index: Int64) -> Float32 | None:
        """Embeddings of the detections in use; the first ones widen the table's column."""
        if detections.embedding is None:
            return None
        length, table = detections.embedding.shape[1], self._table
        if table.embedding.shape[1] == 0:
            table.embedding = np.zeros((len(table.id), length), np.float32)
        elif table.embedding.shape[1] != length:
            raise DataError(
                f"an embedding has {length} numbers where earlier ones had {table.embedding.shape[1]}; "
                "keep to one appearance network."
            )
        return detections.embedding[index]

    def _problem(self, table: _Table, prediction: Prediction, seen: Observations, births: Bool) -> MatchProblem:
        """The associator's problem; `births` (M,) are the observations that would start a track."""
        exited = np.zeros(len(table.id), bool)
        if self._size is not None:
            exited = at_border(to_xyxy(prediction.last_coordinates), (self._size[0], self._size[1]))
        return MatchProblem(
            id=table.id,
            prediction=prediction,
            label=table.label,
            score=table.score,
            embedding=table.embedding,
            missed=prediction.elapsed - (self._now - self._latest),
            exited=exited,
            observations=seen,
            births=births,
            weak=~births & (seen.score < self.config.high_score),
            class_cost=partial(self._classes.label_cost, table.classes) if self._classes.several else None,
        )

    def _update(self, table: _Table, hit: Int64, found: Observations, prediction: Prediction) -> None:
        """The rows `hit` of the table, updated with their observations `found` and their `prediction`."""
        if found.embedding is not None:
            elapsed = self._now - table.last_embedded[hit]
            table.last_embedded[hit] = self._now
            table.embedding[hit] = update_embedding(table.embedding[hit], found.embedding, elapsed, found.score)
        if found.evidence is not None:
            known = self._classes.update(table.classes.take(hit, 0), found, self._now - table.last_update[hit])
            table.classes[hit] = known
            table.label[hit] = self._classes.decide(table.label[hit], known)
        table.motion[hit] = self._motion.update(table.motion.take(hit, 0), found, self._now, prediction)
        table.score[hit] = found.score
        table.last_update[hit] = self._now

    def _tracks(self, table: _Table, boxes: Float64, found: Bool, detection: Int64, now: float) -> Tracks:
        """The table as tracks at these boxes (N, 4); `found` (N,) marks those matched in the latest update."""
        return Tracks.trusted(
            id=table.id,
            xyxy=boxes.astype(np.float32, order="C"),
            score=table.score.astype(np.float32),
            label=table.label,
            state=np.where(self._is_confirmed(table), np.where(found, ACTIVE, LOST), TENTATIVE),
            time_since_update=now - table.last_update,
            detection=detection,
            class_score=self._class_score(table),
        )

    def _class_score(self, table: _Table) -> Float32 | None:
        if not self._classes.several:
            return None
        return self._classes.probability(table.classes)[np.arange(len(table.id)), table.label]

    def _alive(self, table: _Table, now: float) -> _Table:
        """The tracks within the longest possible lifetime at `now`; only these are predicted."""
        longest = max(self._motion.max_lives * self.config.max_age, self.config.tentative_max_age)
        keep = now - table.last_update <= longest
        return table if keep.all() else table.take(keep)

    def _life(self, table: _Table, prediction: Prediction) -> Float64:
        """(N,) seconds from its latest match for which each track is kept."""
        life, tentative = self.config.max_age, self.config.tentative_max_age
        if prediction.wait is None:
            return np.where(self._is_confirmed(table), life, tentative)
        longer = np.clip(0.5 * prediction.wait, -0.75 * life, (self._motion.max_lives - 1) * life)
        return np.where(self._is_confirmed(table), life + longer, tentative)

    def _area(self, xyxy: Float64) -> float:
        """Area of the frame in square pixels: of the given size, else of the extent of all boxes so far."""
        if self._size is not None:
            return float(self._size.prod())
        if len(xyxy):
            self._extent = np.maximum(self._extent, xyxy[:, 2:].max(axis=0))
        return float(self._extent.prod())

    def _new_tracks(self, seen: Observations) -> _Table:
        """New tracks for unmatched observations."""
        count = len(seen)
        ids = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        motion = self._motion.start(seen, self._now, self._table.motion)
        embeddings = np.zeros((count, self._table.embedding.shape[1]), np.float32)
        if seen.embedding is not None:
            embeddings[:] = seen.embedding
        now = np.full(count, self._now)
        return _Table(ids, motion, embeddings, seen.label, self._classes.start(seen), seen.score, now, now, now)

    def _is_confirmed(self, table: _Table) -> Bool:
        """(N,) which tracks are results: those observed for at least the confirmation time."""
        shown: Bool = table.last_update - table.start_time >= self.config.min_confirm
        return shown


def _affine(warp: object, time: float) -> Float64:
    affine = real("the camera motion", warp, np.float64)
    if affine.shape != (2, 3) or not np.isfinite(affine).all() or magnification(affine) == 0:
        raise DataError(
            f"the camera motion at {time} s is {affine.tolist()!s:.80}; give a (2, 3) affine, not singular."
        )
    return affine
