"""Fine-grained classes of tracks: the frozen CNN's ImageNet classes, from a few crops pooled over time.

A stage of the pipeline after the tracker. Only a few crops are classified in a frame: those that are due, best quality
first. The detector's class is evidence too: a dog is likelier a beagle than a minivan, by the odds that the detector
is right (Bayes' rule).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from models.backbones.export import open_network
from models.backbones.feature_maps import BACKBONE, standardise
from models.backbones.registry import get_entry
from models.class_pool.inference import ClassPoolNumpy, log_softmax, own_class_pool
from models.labels.imagenet import imagenet_names, kinds_of
from tracker.classification.config import RecogniseConfig
from tracker.classification.crops import crop_quality, cut, cut_square, occluded_share, sharpness
from tracker.classification.hysteresis import SWITCH_RATIO, apply_hysteresis
from tracker.detectors.class_names import same_name
from tracker.protocols import FrameContext, SourceInfo
from tracker.table import find
from tracker.types import Bool, Float32, Float64, Frame, Int64, State, Tracks, UInt8

CONFIDENT_PROBABILITY = 0.95  # probability from which a track is classified 10 times less often
CONFIDENT_INTERVAL_FACTOR = 10.0
MIN_SIDE_PX = 12.0  # pixels of a box's shorter side below which it is not classified
UNNAMED = ("object", "moving")  # detector classes that carry no information about the object
DETECTOR = (0.5, 0.98)  # least and largest trust in the detector's class

Classify = Callable[[list[UInt8]], Float32]  # squares of one size -> (B, K) class scores before the softmax


@dataclass(slots=True)
class _Kept:
    """The state of N tracks, one row each."""

    id: Int64
    belief: Float32  # (N, K)
    state: Float32  # (N, S)
    looked: Float64  # seconds
    kind: Int64  # the likeliest fine-grained class, -1 before the first crop
    said: Bool  # whether its probability is high enough to be reported
    withdrawn: Bool  # whether it was reported and then became too unlikely


class Recogniser:
    """Gives tracks a fine-grained class where its probability is high enough.

    Args:
        config: crop rate and probability threshold.
        classify: the classifier.
        kinds: names of its K classes.
        size: side of its square input, pixels.
        pool: accumulates the class evidence of crops; the package's own by default.

    Attributes:
        looks: number of crops that have been classified.
    """

    name = "recognise"

    def __init__(
        self,
        config: RecogniseConfig,
        classify: Classify,
        kinds: tuple[str, ...],
        size: int,
        pool: ClassPoolNumpy | None = None,
    ) -> None:
        self._config, self._classify, self._kinds, self._size = config, classify, kinds, size
        self._pool = pool or own_class_pool("views")
        k, s = len(kinds), self._pool.config.units
        none = np.zeros(0)
        self._kept = _Kept(none.astype(np.int64), np.zeros((0, k), np.float32), np.zeros((0, s), np.float32), none,
                           none.astype(np.int64), none.astype(bool), none.astype(bool))  # fmt: skip
        self._number = np.arange(k)
        self._prior = np.zeros((0, k), np.float32)
        self._open = np.zeros(0, bool)
        self.looks = 0

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        """The classes so far, followed by the fine-grained classes that are not among them."""
        known, all_ = names, list(names)
        place = {name: k for k, name in reversed(list(enumerate(known)))}
        for name in self._kinds:
            if name not in place:
                place[name] = len(all_)
                all_.append(name)
        self._number = np.array([place[name] for name in self._kinds])
        own = [kinds_of(name) for name in known]
        self._prior = np.zeros((len(known), len(self._kinds)), np.float32)
        for row, inside in enumerate(own):
            self._prior[row, [k for k in inside if k < len(self._kinds)]] = 1
        anything = np.array([any(same_name(name, word) for word in UNNAMED) for name in known], bool)
        self._open = anything | self._prior.any(axis=1)
        return tuple(all_)

    def __call__(self, context: FrameContext) -> FrameContext:
        """The context with fine-grained classes in its tracks."""
        return replace(context, tracks=self.update(context.frame, context.tracks))

    def update(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The tracks with their fine-grained classes and class probabilities."""
        self._follow(tracks)
        kept = self._kept
        chosen = self._choose(frame, tracks)
        if len(chosen):
            self._look(frame, tracks, chosen)
        rows = np.flatnonzero((kept.kind >= 0) & self._open[tracks.label])
        if not len(rows):
            return tracks
        probability = self._probability(tracks, rows)
        kind = apply_hysteresis(kept.kind[rows], probability)
        likely = probability[np.arange(len(rows)), kind]
        least = self._config.classify_probability
        # No class is reported below the limit. A class that fell below it must clearly exceed it to be reported again,
        # so that the label does not flicker.
        back = kept.withdrawn[rows] & (kind == kept.kind[rows])
        said = likely >= np.where(back, SWITCH_RATIO * least / (SWITCH_RATIO * least + 1 - least), least)
        kept.withdrawn[rows] = ~said & (back | kept.said[rows])
        kept.kind[rows], kept.said[rows] = kind, said
        label, score = tracks.label.copy(), tracks.class_scores().copy()
        label[rows[said]] = self._number[kind[said]]
        score[rows[said]] = likely[said]
        return replace(tracks, label=label, class_score=score)

    def _follow(self, tracks: Tracks) -> None:
        """Aligns the rows with the tracks."""
        kept, n = self._kept, len(tracks)
        if np.array_equal(kept.id, tracks.id):
            return
        place = find(tracks.id, kept.id)
        old = place >= 0
        new = _Kept(
            tracks.id.copy(),
            np.zeros((n, len(self._kinds)), np.float32),
            np.zeros((n, self._pool.config.units), np.float32),
            np.full(n, -np.inf),
            np.full(n, -1),
            np.zeros(n, bool),
            np.zeros(n, bool),
        )
        for f in fields(_Kept)[1:]:
            getattr(new, f.name)[old] = getattr(kept, f.name)[place[old]]
        self._kept = new

    def _choose(self, frame: Frame, tracks: Tracks) -> Int64:
        """The tracks to classify now: those that are due, first those long unclassified, large and unoccluded."""
        kept, c = self._kept, self._config
        size = tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]
        seen = (tracks.time_since_update == 0) & (tracks.state == State.ACTIVE) & self._open[tracks.label]
        seen &= size.min(axis=1, initial=np.inf) >= MIN_SIDE_PX
        if not seen.any():
            return np.zeros(0, np.int64)
        sure = np.zeros(len(tracks), bool)
        rows = np.flatnonzero(seen & kept.said)
        if len(rows):
            sure[rows] = self._probability(tracks, rows).max(axis=1) >= CONFIDENT_PROBABILITY
        wait = np.where(sure, CONFIDENT_INTERVAL_FACTOR * c.classify_interval, c.classify_interval)
        elapsed = frame.time - kept.looked
        due = np.flatnonzero(seen & (elapsed >= wait))
        free = 1 - occluded_share(tracks.xyxy.astype(np.float64))[due]
        overdue = np.minimum(elapsed[due] / np.maximum(wait[due], 1e-3), 100)
        worth = overdue * free * np.minimum(np.sqrt(size[due].prod(axis=1)) / 100, 1)
        return due[np.argsort(-worth, kind="stable")][: c.classify_crops]

    def _look(self, frame: Frame, tracks: Tracks, rows: Int64) -> None:
        kept = self._kept
        boxes = tracks.xyxy.astype(np.float64)
        squares = [cut_square(frame.bgr, tracks.xyxy[row], self._size) for row in rows.tolist()]
        hidden, edge = occluded_share(boxes)[rows], cut(boxes[rows], frame.size)
        side = np.sqrt((boxes[rows, 2:] - boxes[rows, :2]).prod(axis=1))
        quality = np.array(
            [
                crop_quality(float(s), sharpness(square), float(score), float(h), float(e))
                for s, square, score, h, e in zip(side, squares, tracks.score[rows], hidden, edge, strict=True)
            ],
            np.float32,
        )
        evidence = log_softmax(self._classify(squares))
        elapsed = (frame.time - kept.looked[rows]).astype(np.float32)
        kept.belief[rows], kept.state[rows] = self._pool.step(
            evidence, quality, elapsed, kept.belief[rows], kept.state[rows]
        )
        fresh = kept.kind[rows] < 0
        kept.kind[rows[fresh]] = self._probability(tracks, rows[fresh]).argmax(axis=1)
        kept.looked[rows] = frame.time
        self.looks += len(rows)

    def _probability(self, tracks: Tracks, rows: Int64) -> Float32:
        """(N, K) class probabilities of some tracks, with the detector's class as evidence."""
        p = self._pool.probability(self._kept.belief[rows], self._kept.state[rows])
        inside = self._prior[tracks.label[rows]]
        count = inside.sum(axis=1, keepdims=True)
        trust = np.nan_to_num(tracks.class_scores()[rows], nan=DETECTOR[1])
        trust = np.clip(trust, *DETECTOR)[:, None]
        k = inside.shape[1]
        prior = inside * trust / np.maximum(count, 1) + (1 - inside) * (1 - trust) / np.maximum(k - count, 1)
        p = p * np.where(count > 0, prior, 1.0)
        return np.asarray(p / np.maximum(p.sum(axis=1, keepdims=True), 1e-30), np.float32)


def build_recogniser(config: RecogniseConfig, threads: int = 0, device: str = "auto") -> Recogniser:
    """A recogniser with the frozen CNN and ImageNet's classes.

    Raises:
        WeightsError: the weights are damaged.
    """
    weights = get_entry(BACKBONE).weights
    network = open_network(BACKBONE, None, None, threads, device)

    def classify(squares: list[UInt8]) -> Float32:
        images = np.concatenate([standardise(square, weights) for square in squares])
        return np.asarray(network.run({"image": images})[0], np.float32)

    return Recogniser(config, classify, imagenet_names(), weights.size)
