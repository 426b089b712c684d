"""Rollouts of the tracker on clips with ground truth: its inputs, its decisions, and the correct labels.

A head learns from histories that contain the errors of the tracker: roll out, label by ground truth, train, roll out
again (DAgger: Ross, Gordon & Bagnell, AISTATS 2011).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from datasets.ground_truth.tracking import UNLABELLED, TrackingSequence
from datasets.simulation.detector_noise import NoiseModel
from datasets.simulation.training_clips import TrainingClip, sample
from models.association_head.inference import HeadNumpy
from models.runtime.arrays import Array
from tracker.association.costs import Pairs
from tracker.association.matching import MatchProblem
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.association import Learned
from tracker.learned.liquid_motion import LiquidMotion
from tracker.learned.pair_features import INPUTS, PairView, pair_view
from tracker.motion.base import Observations, Prediction
from tracker.motion_registry import logit
from tracker.types import Bool, Float32, Float64, Int64, Tracks

# half-life in seconds of a claim while its track is not observed: a track that follows the object now has priority
CLAIM_HALF_LIFE_S = 0.5
CLAIM_DECAY = 0.5  # decay of a claim per later match: after two matches with another object, that object dominates


@dataclass(slots=True)
class Record:
    """Record of a clip: E matches; in the training frames R (track, frame) rows and K pairs.

    Attributes:
        inputs: (E, INPUTS) float16; wait: (E,) seconds since the previous match of the track; track: (E,); order: (E,)
            from 0.
        row_track, row_events: (R,) the track and its number of matches so far.
        row_elapsed: (R,) seconds since the last match; row_there: (R,) 1 where it will be observed again, 0 where not,
            -1 where unknown.
        features, z, gap, base: of pairs, as `pair_view` gives them (float16, except base).
        row, column, frame: (K,) indices, columns counted over the clip; true: (K,) whether it is the same object.
        known: (K,) whether the label is known: mostly that the track or the detection has a name.
        columns: total number of detections.
    """

    inputs: Array
    wait: Array
    track: Int64
    order: Int64
    row_track: Int64
    row_events: Int64
    row_elapsed: Array
    row_there: Int64
    features: Array
    z: Array
    gap: Array
    base: Array
    row: Int64
    column: Int64
    frame: Int64
    true: Array
    known: Array
    columns: int


class _WatchedMotion(LiquidMotion):
    """Records the inputs of each match."""

    def __init__(self, head: HeadNumpy) -> None:
        super().__init__(head)
        self.seen: list[tuple[Array, Array]] = []

    def inputs(self, own: Float64, prediction: Prediction, observations: Observations, moved: Float64) -> Float32:
        x = super().inputs(own, prediction, observations, moved)
        self.seen.append((x, prediction.elapsed))
        return x


class _WatchedAssociation(Learned):
    """Records the pairs of a frame, and perturbs their log-odds."""

    def __init__(self, head: HeadNumpy, config: TrackerConfig, shake: float, rng: np.random.Generator) -> None:
        super().__init__(head, logit(config.match_probability), logit(config.new_track_match_probability))
        self.shake, self.rng = shake, rng
        self.pairs: PairView | None = None
        self.elapsed = np.zeros(0)
        self.ids = np.zeros(0, np.int64)

    def match(self, problem: MatchProblem) -> Int64:
        """Matches, and records the tracks: one may have ended since the frame before."""
        self.ids = problem.id
        return super().match(problem)

    def view(self, pairs: Pairs) -> PairView:
        """View of every pair: unambiguous pairs are used in training too."""
        self.elapsed = pairs.prediction.elapsed
        self.pairs = pair_view(pairs, self.head.config.track_statistics)
        return self.pairs

    def logits(self, pairs: Pairs) -> Float64:
        return super().logits(pairs) + self.shake * self.rng.normal(size=len(pairs.track))


def roll_one(sequences: list[TrackingSequence], noise: NoiseModel, head: HeadNumpy, seed: tuple[int, ...]) -> Record:
    """Sample one clip and track it; the result depends only on the `seed`."""
    rng = np.random.default_rng(seed)
    return roll(sample(sequences, noise, rng), head, rng)


def roll(clip: TrainingClip, head: HeadNumpy, rng: np.random.Generator, max_age: float = 3.0) -> Record:
    """Track one clip with `head`, at times with perturbed log-odds, so that training includes errors.

    A track ends `max_age` seconds after its last match, or later where the head expects its return.
    """
    motion, shake = _WatchedMotion(head), 1.5 * float(rng.random() < 0.25)
    # random birth score: users of the head set different ones
    config = TrackerConfig(new_track_score=float(rng.uniform(0.4, 0.75)), max_age=max_age)
    watched = _WatchedAssociation(head, config, shake, rng)
    tracker = Tracker(config, motion, associator=watched)
    claims, notes = _Claims(), _Notes()
    for k, time in enumerate(clip.times.tolist()):
        watched.pairs, motion.seen = None, []
        tracks = tracker.update(clip.detections[k], time, clip.warps[k])
        if watched.pairs is not None and k >= clip.burn_in:
            ids, owner = watched.ids, claims.owners(watched.ids, time)
            notes.add_rows(watched.elapsed, ids, owner, clip.seen_again[k], clip.open)
            notes.add_pairs(watched.pairs, owner, clip.number[k], k, clip.open, clip.spans)
        notes.add_matches(tracks.id[tracks.detection >= 0], motion.seen)
        claims.add(tracks, clip.number[k], time)
    return notes.record()


class _Claims:
    """Objects that the tracks have followed, with the weight of each claim."""

    def __init__(self) -> None:
        self._claims: dict[int, dict[int, float]] = {}  # track -> object -> claim
        self._seen: dict[int, float] = {}  # track -> seconds of its last match

    def owners(self, ids: Int64, time: float) -> Int64:
        """(N,) the object of each track (N,) at `time`, -1 for none."""
        return _owners(self._claims, {i: 0.5 ** ((time - self._seen[i]) / CLAIM_HALF_LIFE_S) for i in ids.tolist()})

    def add(self, tracks: Tracks, number: Int64, time: float) -> None:
        """Add the matches of the tracks at `time`, by the objects `number` (M,) of the detections."""
        for i, j in zip(tracks.id.tolist(), tracks.detection.tolist(), strict=True):
            if j < 0:
                continue
            self._seen[i] = time
            claim = self._claims.setdefault(i, {})
            if (who := int(number[j])) >= 0:  # clutter gives no claim
                for one in claim:
                    claim[one] *= CLAIM_DECAY
                claim[who] = claim.get(who, 0) + 1


class _Notes:
    """Builder of a record."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Array]] = {f.name: [] for f in fields(Record) if f.name != "columns"}
        self._events: dict[int, int] = {}  # track -> its matches so far
        self._rows = self._columns = 0

    def add_rows(
        self, elapsed: Float64, ids: Int64, owner: Int64, there: frozenset[int], open: frozenset[int] = frozenset()
    ) -> None:
        """Add the tracks `ids` (N,) before a frame, and whether their objects will be observed again.

        Of an `open` object that is not observed again as far as the labels go, it is unknown.
        """
        self._add(
            row_track=ids,
            row_events=np.array([self._events[n] for n in ids.tolist()], np.int64),
            row_elapsed=elapsed.astype(np.float32),
            row_there=np.array(
                [-1 if o < 0 or (o in open and o not in there) else o in there for o in owner.tolist()], np.int64
            ),
        )
        self._rows += len(ids)

    def add_pairs(
        self,
        pairs: PairView,
        owner: Int64,
        number: Int64,
        frame: int,
        open: frozenset[int] = frozenset(),
        spans: Int64 | None = None,
    ) -> None:
        """Add the pairs of a frame and their labels; call it after `add_rows`."""
        i, j = pairs.track, pairs.detection
        self._add(
            features=pairs.features.astype(np.float16),
            z=np.clip(pairs.z, -1e4, 1e4).astype(np.float16),
            gap=pairs.gap.astype(np.float16),
            base=pairs.prior_logits,
            row=i + self._rows - len(owner),
            column=j + self._columns,
            frame=np.full(len(i), frame),
            true=(owner[i] == number[j]) & (owner[i] >= 0),
            known=_known(owner[i], number[j], number, open, spans),
        )
        self._columns += len(number)

    def add_matches(self, matched: Int64, seen: list[tuple[Array, Array]]) -> None:
        """Add the tracks `matched` (N,) in a frame, and the head's inputs for their matches: known tracks first."""
        known = [i for i in matched.tolist() if i in self._events]
        order = known + [i for i in matched.tolist() if i not in self._events]
        x = np.concatenate([a for a, _ in seen]) if seen else np.zeros((0, INPUTS))
        wait = np.concatenate([b for _, b in seen]) if seen else np.zeros(0)
        self._add(
            inputs=x.astype(np.float16),
            wait=wait.astype(np.float32),
            track=np.array(order, np.int64),
            order=np.array([self._events.get(i, 0) for i in order], np.int64),
        )
        for i in order:
            self._events[i] = self._events.get(i, 0) + 1

    def record(self) -> Record:
        """The complete record."""
        whole = {name: np.concatenate(part) if part else np.zeros(0, np.int64) for name, part in self._parts.items()}
        return Record(**whole, columns=self._columns)

    def _add(self, **arrays: Array) -> None:
        for name, array in arrays.items():
            self._parts[name].append(array)


def _known(owner: Int64, number: Int64, all_numbers: Int64, open: frozenset[int], spans: Int64 | None = None) -> Bool:
    """(K,) whether it is known if a track and a detection show the same object.

    Without a name on either side it is unknown. An unlabelled detection is another object only than those of which the
    detection in this frame is known. A track without a name may have followed an `open` object where it was unlabelled.

    Args:
        owner: (K,) object of the track, -1 for none.
        number: (K,) object of the detection, -1 for a false alarm, `UNLABELLED` for unknown.
        all_numbers: (M,) those of all detections of the frame.
        open: objects that are labelled in some frames only.
        spans: (P, 2) first and last labelled frame of pieces of tracks. Two that are never there at the same time may
            be one object.
    """
    known: Bool = (owner >= 0) | (number >= 0)
    known &= (number != UNLABELLED) | np.isin(owner, all_numbers[all_numbers >= 0])
    if open:
        known &= (owner >= 0) | ~np.isin(number, list(open))
    if spans is not None:
        both = ((owner >= 0) & (number >= 0)).nonzero()[0]
        a, b = spans[owner[both]], spans[number[both]]
        known[both] &= (a[:, 0] <= b[:, 1]) & (b[:, 0] <= a[:, 1])
    return known


def _owners(claims: dict[int, dict[int, float]], worth: dict[int, float]) -> Int64:
    """(N,) the object of each track, -1 for none; one to one, the largest claims first.

    `worth` holds the current weights of the claims of each track.
    """
    every = [(claim * w, i, who) for i, w in worth.items() for who, claim in claims[i].items()]
    holder: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, who in sorted(every, key=lambda c: -c[0]):
        if i not in holder and who not in taken:
            holder[i] = who
            taken.add(who)
    return np.array([holder.get(i, -1) for i in worth], np.int64)
