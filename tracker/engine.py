"""The tracker: detections of one frame in, tracks out. All tracks live as rows of arrays; nothing loops over them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from models.errors import ConfigError, DataError
from tracker.appearance.track_embedding import remember, similarity
from tracker.association.assignment import assign
from tracker.association.bounds import MOST_PAIRS, MOST_TRACKS, nearest, strongest
from tracker.association.candidates import Candidates
from tracker.association.costs import COSTS, Pairs
from tracker.association.gating import at_border, reentered, uncontested
from tracker.association.static_clutter import Standing
from tracker.boxes import to_xyxy
from tracker.classification.track_classes import Classes, Votes
from tracker.config import TrackerConfig
from tracker.inputs.columns import real, seconds
from tracker.motion.base import Look, Motion, Prediction
from tracker.motion_registry import MOTIONS
from tracker.table import Rows
from tracker.types import Bool, Detections, Float32, Float64, Int64, State, Tracks

OWN = "own"  # the cost of the motion model itself, where it has one
LONGEST = 2.5  # lives for which a learned motion waits at most
NEVER = -50.0  # log-odds of pairs that may not match
ACROSS = 2.0  # log-odds that a match with a detection of an unlikely class must have beyond the others
CROWDED = 0.3  # IoU with another detection from which a weak one may be but a second look at it
MIN_SIDE = 64.0  # pixels: a picture whose size nobody gave is taken to be at least so large
GRAIN = 1_000_000  # ticks a second: a microsecond, as FFmpeg's AV_TIME_BASE
TENTATIVE, ACTIVE, LOST = (np.int8(state) for state in State)


@dataclass(slots=True)
class _Table(Rows):
    """All tracks alive, one row each, in every array."""

    id: Int64
    motion: Float64  # (N, width), the motion model's own
    likeness: Float32  # (N, D) unit embeddings, 0 where none is known; D is 0 until the first one comes
    label: Int64
    classes: Float32  # (N, width), what is known of the class; width is 0 while there is but one
    score: Float64
    seen: Float64  # seconds on the tracker's clock
    looked: Float64  # when its likeness was last renewed, the same
    born: Float64  # seconds on the tracker's clock


class Tracker:
    """Tracks objects in true time: call `update` once a frame, with that frame's time in seconds.

    Args:
        config: how tracks are made, matched and ended.
        motion: in place of the one that `config` names.
        classes: pools what detections are called; by default it grows with the classes that come.
        size: (width, height) of the pictures, pixels. Evidence for births goes by it, and a track's exit is known by it
            alone; without it, the boxes so far stand for the picture and no track counts as having left.
    """

    def __init__(
        self,
        config: TrackerConfig | None = None,
        motion: Motion | None = None,
        classes: Classes | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        config = config or TrackerConfig()
        self.config = config
        for kind, name, known in (("motion", config.motion, MOTIONS), ("cost", config.cost, {OWN: None, **COSTS})):
            if name not in known:
                raise ConfigError(f"there is no {kind} {name!r}; choose one of {', '.join(known)}.")
        self._motion = motion or MOTIONS[config.motion](config)
        learned = self._motion.odds if config.cost == OWN else None
        self._cost = learned or COSTS["mix" if config.cost == OWN else config.cost]
        self._in_stages = learned is None  # learned odds know what a score is worth
        self._threshold = _logit(config.match_probability)
        self._birth_threshold = _logit(config.birth_match_probability)
        self._low_threshold = _logit(config.low_match_probability)
        self._classes = classes or Classes()
        # a filter's odds for weak detections are strict already
        self._standing = None if self._in_stages else Standing()
        self._candidates = Candidates()
        self._size: Float64 | None = None if size is None or 0 in size else np.array(size, np.float64)
        self._extent = np.full(2, MIN_SIDE)  # right and bottom of all boxes so far, where no size is given
        self._next_id = 1
        self._latest = 0.0  # seconds on the tracker's clock
        self._now = 0.0
        self._evidence = _logit(config.birth_probability) if config.birth_probability < 1 else math.inf
        self._ticks: int | None = None
        self._origin = 0
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        rows, likeness = np.zeros((0, self._motion.width)), np.zeros((0, 0), np.float32)
        self._table = _Table(whole, rows, likeness, whole, likeness, real, real, real, real)

    def update(self, detections: Detections, time: float, warp: Float64 | None = None) -> Tracks:
        """All tracks alive after the frame at `time`.

        Args:
            detections: what was found in the frame.
            time: seconds, later than the last update's; any origin.
            warp: (2, 3) affine from the previous update's pixels to this frame's, where the camera moved.

        Raises:
            DataError: the detections are none, the time is not finite or does not come after the last one, embeddings
                change their length, or the warp is not one.
        """
        detections = Detections.of(detections)
        affine = None if warp is None else _affine(warp, time)
        self._now = now = self._clock(time)
        c = self.config
        self._table = table = self._alive(now)
        if affine is not None:
            self._candidates.warp(affine)
            if self._standing is not None:
                self._standing.warp(affine)
        index = (detections.score >= c.low_score).nonzero()[0]
        index = index.take(strongest(detections.score.take(index)))
        index, votes = self._votes(detections, index)
        label = detections.label.take(index)
        look = Look.at(detections.xyxy.take(index, 0), detections.score.take(index), self._motion.crowded, label)
        embedding = self._embedding(detections, index)
        matched = np.full(len(table.id), -1)
        boxes = np.zeros((0, 4))
        life: float | Float64 = c.life
        if len(table.id):
            if affine is not None:
                table.motion = self._motion.warp(table.motion, affine)
            prediction = self._motion.predict(table.motion, now)
            boxes = prediction.xyxy
            if prediction.wait is not None:
                life = c.life + np.clip(0.5 * prediction.wait, -0.75 * c.life, (LONGEST - 1) * c.life)
        sure = look.score >= c.birth_score
        weak = (~sure).nonzero()[0]
        area = self._area(look.xyxy)
        odds = self._candidates.see(look.take(weak), label.take(weak), boxes, table.label, now, area)
        sure[weak] = odds >= self._evidence
        if len(table.id) and len(index):
            matched = self._match(prediction, look, label, embedding, sure)
        hit = (matched >= 0).nonzero()[0]
        taken = matched.take(hit)
        if len(hit):
            if embedding is not None:
                elapsed = now - table.looked[hit]
                table.looked[hit] = now
                table.likeness[hit] = remember(table.likeness[hit], embedding[taken], elapsed, look.score[taken])
            seen = look.take(taken)
            if votes is not None:
                waited, told = now - table.seen[hit], votes.take(taken)
                table.classes[hit] = known = self._classes.update(table.classes.take(hit, 0), told, seen, waited)
                table.label[hit] = self._classes.decide(table.label[hit], known)
            table.motion[hit] = self._motion.update(table.motion.take(hit, 0), seen, now, prediction.take(hit))
            table.score[hit] = seen.score
            table.seen[hit] = now
            boxes[hit] = seen.xyxy
        unseen = now - table.seen
        keep = unseen <= np.where(self._shown(table), life, c.tentative_life)
        if not keep.all():
            table, matched, boxes = table.take(keep), matched[keep], boxes[keep]
        free = np.ones(len(index), bool)
        free[taken] = False
        self._candidates.keep((free & ~sure).take(weak))
        new = (free & sure).nonzero()[0][: max(0, MOST_TRACKS - len(table.id))]
        if len(new):
            table = table.join(self._born(look.take(new), label[new], now, embedding, votes, new))
            matched = np.concatenate([matched, new])
            boxes = np.concatenate([boxes, look.xyxy[new]])
        self._table, self._latest = table, now
        if self._standing is not None:
            self._standing.forget(look.xyxy[new])
            nobody = free & ~sure
            if look.crowding is not None:  # a second look at somebody is no thing of its own
                nobody &= look.crowding < CROWDED
            self._standing.see(look.xyxy[nobody], now)
        found = matched >= 0
        return Tracks.trusted(
            id=table.id,
            xyxy=boxes.astype(np.float32, order="C"),
            score=table.score.astype(np.float32),
            label=table.label,
            state=np.where(self._shown(table), np.where(found, ACTIVE, LOST), TENTATIVE),
            unseen=now - table.seen,
            detection=np.where(found, index.take(matched), -1) if len(index) else matched,
            class_score=self._class_score(table),
        )

    def new_id(self) -> int:
        """The next id, which no track will have then: for what is tracked beside the engine."""
        self._next_id += 1
        return self._next_id - 1

    def _clock(self, time: float) -> float:
        """Seconds since the first update."""
        time = seconds(time, "the time")
        ticks = round(time * GRAIN)
        if self._ticks is None:
            self._origin = ticks
        elif ticks <= self._ticks:
            raise DataError(
                f"the time {time:.6f} s does not come after {self._ticks / GRAIN:.6f} s; give rising times."
            )
        self._ticks = ticks
        return (ticks - self._origin) / GRAIN

    def _embedding(self, detections: Detections, index: Int64) -> Float32 | None:
        """Those of the detections in use; the table is given room for them when the first ones come."""
        if detections.embedding is None:
            return None
        length, table = detections.embedding.shape[1], self._table
        if table.likeness.shape[1] == 0:
            table.likeness = np.zeros((len(table.id), length), np.float32)
        elif table.likeness.shape[1] != length:
            raise DataError(
                f"an embedding has {length} numbers where earlier ones had {table.likeness.shape[1]}; "
                "keep to one appearance network."
            )
        return detections.embedding[index]

    def _votes(self, detections: Detections, index: Int64) -> tuple[Int64, Votes | None]:
        """The detections in use without those that call a better one's object by another class, and what they say."""
        label = detections.label.take(index)
        self._table.classes = self._classes.fit(self._table.classes, label)
        if not self._classes.several:
            return index, None
        xyxy, score = detections.xyxy.take(index, 0), detections.score.take(index)
        votes, worse = self._classes.votes(xyxy.astype(np.float64), score.astype(np.float64), label)
        rows = (~worse).nonzero()[0]
        return index.take(rows), votes.take(rows)

    def _class_score(self, table: _Table) -> Float32 | None:
        if not self._classes.several:
            return None
        return self._classes.probability(table.classes)[np.arange(len(table.id)), table.label]

    def _match(self, prediction: Prediction, look: Look, label: Int64, embedding: Float32 | None, sure: Bool) -> Int64:
        """(N,) the detection of each track, -1 where it has none: first those of high score, then the rest.

        `sure` (M,) are the detections that would start a track.
        """
        pairs = self._pairs(prediction, look, label, embedding)
        odds = self._cost(pairs)
        odds[self._forbidden(pairs, look, sure)] = NEVER
        matched, left = np.full(len(prediction.elapsed), -1), np.ones(len(look.score), bool)
        gain = odds - self._threshold
        if self._in_stages:
            weak = (look.score < self.config.high_score).take(pairs.detection)
            gain[weak] = 0  # worth nothing yet
        else:  # whoever would become somebody new is better taken for the likeliest that is known
            strong = sure.take(pairs.detection)
            gain[strong] = odds[strong] - self._birth_threshold
            if self._standing is not None and not sure.all():
                unsure = (~sure).nonzero()[0]
                left[unsure] = ~self._standing.nobody(look.xyxy[unsure])
                gain[~left.take(pairs.detection)] = 0
        row, column = assign(pairs.track, pairs.detection, gain)
        matched[row] = column
        if self._in_stages:
            rest = (weak & (matched.take(pairs.track) < 0)).nonzero()[0]
            if len(rest):
                gain = odds.take(rest) - self._low_threshold
                row, column = assign(pairs.track.take(rest), pairs.detection.take(rest), gain)
                matched[row] = column
        if self._classes.several:
            left[matched[matched >= 0]] = False
            self._match_across(matched, left, prediction, look, label, embedding, sure)
        return matched

    def _match_across(
        self,
        matched: Int64,
        left: Bool,
        prediction: Prediction,
        look: Look,
        label: Int64,
        embedding: Float32 | None,
        sure: Bool,
    ) -> None:
        """What found nothing of its own class may take what is left of another, where it fits that much better."""
        track = matched < 0
        if not (track.any() and left.any()):
            return
        pairs = self._pairs(prediction, look, label, embedding, (track, left))
        if len(pairs.track):
            doubt = self._classes.surprise(self._table.classes, pairs.track, label.take(pairs.detection))
            gain = self._cost(pairs) - self._threshold - np.minimum(doubt, ACROSS)
            gain[self._forbidden(pairs, look, sure)] = 0
            row, column = assign(pairs.track, pairs.detection, gain)
            matched[row] = column

    def _pairs(
        self,
        prediction: Prediction,
        look: Look,
        label: Int64,
        embedding: Float32 | None,
        free: tuple[Bool, Bool] | None = None,
    ) -> Pairs:
        """The pairs of one label that are near enough to be worth a cost; of two, among `free` rows, if given."""
        reach_x, reach_y = 6 * prediction.std.T[:2] + np.exp(prediction.seen[:, 3])
        (x, y), (at_x, at_y) = prediction.coordinates.T[:2], look.coordinates.T[:2]
        # the second coordinate and the label only where the first is near: most pairs of a crowd are never formed
        j, i = np.divmod((abs(at_x[:, None] - x) < reach_x).ravel().nonzero()[0], len(x))
        near = abs(at_y.take(j) - y.take(i)) < reach_y.take(i)
        same = self._table.label.take(i) == label.take(j)
        near &= same if free is None else ~same & free[0].take(i) & free[1].take(j)
        i, j = i.compress(near), j.compress(near)
        if len(i) > MOST_PAIRS:
            away = np.hypot((at_x.take(j) - x.take(i)) / reach_x.take(i), (at_y.take(j) - y.take(i)) / reach_y.take(i))
            few = nearest(i, away)
            i, j = i.take(few), j.take(few)
        pairs = Pairs(i, j, prediction, look, self._table.score)
        if embedding is None:
            return pairs
        alike = similarity(self._table.likeness, embedding, i, j)
        alike[uncontested(pairs, len(x), len(at_x))] = np.nan  # place alone says who is who: no embedding may forbid it
        return replace(pairs, similarity=alike)

    def _forbidden(self, pairs: Pairs, look: Look, sure: Bool) -> Bool:
        """(K,) the pairs that may not match, whatever their odds: the track has left, and the detection is weak."""
        prediction = pairs.prediction
        if self._size is None:
            return np.zeros(len(pairs.track), bool)
        weak = ~sure & (look.score < self.config.high_score)
        missed = prediction.elapsed - (self._now - self._latest)
        exited = at_border(to_xyxy(prediction.seen), (self._size[0], self._size[1]))
        return reentered(missed, exited, weak, pairs.track, pairs.detection)

    def _alive(self, now: float) -> _Table:
        """The tracks that a motion could still wait for at `now`: nothing is asked of the rest, however long ago."""
        lives = 1.0 if self._motion.odds is None else LONGEST
        longest = max(lives * self.config.life, self.config.tentative_life)
        keep = now - self._table.seen <= longest
        return self._table if keep.all() else self._table.take(keep)

    def _area(self, xyxy: Float64) -> float:
        """Square pixels of the picture: what was said of it, else what the boxes have reached so far."""
        if self._size is not None:
            return float(self._size.prod())
        if len(xyxy):
            self._extent = np.maximum(self._extent, xyxy[:, 2:].max(axis=0))
        return float(self._extent.prod())

    def _born(
        self, look: Look, label: Int64, now: float, embedding: Float32 | None, votes: Votes | None, rows: Int64
    ) -> _Table:
        """New tracks for detections that nobody took."""
        ids = np.arange(self._next_id, self._next_id + len(rows))
        self._next_id += len(rows)
        motion = self._motion.start(look, now, self._table.motion)
        likeness = np.zeros((len(rows), self._table.likeness.shape[1]), np.float32)
        if embedding is not None:
            likeness[:] = embedding[rows]
        seen = np.full(len(rows), now)
        known = np.zeros((len(rows), 0), np.float32) if votes is None else self._classes.start(votes.take(rows), look)
        return _Table(ids, motion, likeness, label, known, look.score, seen, seen, seen)

    def _shown(self, table: _Table) -> Bool:
        """(N,) which tracks are results: those that were seen for as long as asked for."""
        shown: Bool = table.seen - table.born >= self.config.confirmation
        return shown


def _affine(warp: object, time: float) -> Float64:
    affine = real("the camera motion", warp, np.float64)
    if affine.shape != (2, 3) or not np.isfinite(affine).all() or np.linalg.det(affine[:, :2]) == 0:
        raise DataError(
            f"the camera motion at {time} s is {affine.tolist()!s:.80}; give a (2, 3) affine, not singular."
        )
    return affine


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
