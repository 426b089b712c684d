"""Data association of one frame: the possible pairs, and the plug-ins that match them.

An `Associator` takes a `MatchProblem`, the predictions of the tracks and the observations of the frame, and returns at
most one observation for each track. `TwoStage` uses a cost with fixed weights and matches high scores first (ByteTrack:
Zhang et al., ECCV 2022); `tracker/learned/association.py` uses the liquid head in one stage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from tracker.appearance.track_embedding import similarity
from tracker.association.assignment import assign
from tracker.association.costs import Cost, Pairs
from tracker.association.gating import reentered, uncontested
from tracker.inputs.bounds import MAX_PAIRS, nearest
from tracker.motion.base import Observations, Prediction
from tracker.types import Bool, Float32, Float64, Int64

NEVER_LOGIT = -50.0  # log-odds of pairs that may not match
MAX_CLASS_LOGIT = 2.0  # largest extra log-odds required of a match with an observation of an unlikely class
REACH_STD = 6.0  # standard deviations, and one height of the box, within which a pair is possible


@dataclass(frozen=True, slots=True)
class MatchProblem:
    """One frame's N tracks and M observations.

    Attributes:
        id: (N,) the ids of the tracks.
        prediction: the predictions of the tracks at the frame's time.
        label: (N,) their classes.
        score: (N,) their latest scores.
        embedding: (N, D) unit, zeros where none is known; D is 0 before the first one.
        missed: (N,) seconds from the tracks' latest matches to the latest frame before this one.
        exited: (N,) which tracks were last matched at the image's border.
        observations: the observations of the frame.
        births: (M,) which of them would start a track if they match none.
        weak: (M,) which are too weak to re-attach a track that has left the image.
        class_cost: log-odds by which a class is less likely than the track's likeliest class, for (K,) tracks and
            classes; None with a single class.
    """

    id: Int64
    prediction: Prediction
    label: Int64
    score: Float64
    embedding: Float32
    missed: Float64
    exited: Bool
    observations: Observations
    births: Bool
    weak: Bool
    class_cost: Callable[[Int64, Int64], Float64] | None = None

    def near(self) -> tuple[Int64, Int64]:
        """Rows of observations (K,) and of tracks (K,), in that order, of all pairs near enough to match."""
        prediction, seen = self.prediction, self.observations
        reach_x, reach_y = REACH_STD * prediction.std.T[:2] + np.exp(prediction.last_coordinates[:, 3])
        (x, y), (at_x, at_y) = prediction.coordinates.T[:2], seen.coordinates.T[:2]
        # test the second coordinate only where the first is near: most pairs of a crowd are never formed
        j, i = np.divmod((abs(at_x[:, None] - x) < reach_x).ravel().nonzero()[0], len(x))
        close = abs(at_y.take(j) - y.take(i)) < reach_y.take(i)
        return j.compress(close), i.compress(close)

    def pairs(self, free: tuple[Bool, Bool] | None = None, near: tuple[Int64, Int64] | None = None) -> Pairs:
        """The pairs that are near enough to match: of one class, or of two among the `free` rows (N,), (M,).

        `near` is the result of `near`, computed here if not given.
        """
        prediction, seen = self.prediction, self.observations
        j, i = near or self.near()
        same = self.label.take(i) == seen.label.take(j)
        good = same if free is None else ~same & free[0].take(i) & free[1].take(j)
        if not good.all():
            i, j = i.compress(good), j.compress(good)
        if len(i) > MAX_PAIRS:
            reach = REACH_STD * prediction.std.T[:2] + np.exp(prediction.last_coordinates[:, 3])
            gap = seen.coordinates.T[:2].take(j, 1) - prediction.coordinates.T[:2].take(i, 1)
            few = nearest(i, np.hypot(*(gap / reach.take(i, 1))))
            i, j = i.take(few), j.take(few)
        pairs = Pairs(i, j, prediction, seen, self.score)
        if seen.embedding is None:
            return pairs
        cosine = similarity(self.embedding, seen.embedding, i, j)
        # where position alone settles the identity, the embedding does not count
        cosine[uncontested(pairs, len(self.label), len(seen))] = np.nan
        return replace(pairs, similarity=cosine)

    def forbidden(self, pairs: Pairs) -> Bool:
        """(K,) the pairs that may not match at any log-odds: the track has left and the observation is weak."""
        return reentered(self.missed, self.exited, self.weak, pairs.track, pairs.detection)

    def unmatched(self) -> Int64:
        """(N,) -1 throughout: no track has an observation yet."""
        return np.full(len(self.label), -1)


MatchListener = Callable[[MatchProblem, Pairs, Float64, Int64], None]
"""Called with each frame's problem, its pairs of one class, their log-odds (K,), and the match of each track (N,)."""


class Associator(Protocol):
    """Matches tracks with observations. Its methods are called once a frame, in the order in which they stand here.

    Attributes:
        listener: gets the log-odds of each frame after its match; None for nothing.
    """

    listener: MatchListener | None

    @property
    def uses_crowding(self) -> bool:
        """Whether observations need crowding and containment."""
        ...

    def warp(self, affine: Float64) -> None:
        """Transforms remembered positions into a frame whose camera has moved by the (2, 3) `affine`, pixels."""
        ...

    def match(self, problem: MatchProblem) -> Int64:
        """(N,) the observation of each track, -1 where it has none."""
        ...

    def learn(self, observations: Observations, born: Int64, unexplained: Bool, time: float) -> None:
        """Updates its memory with the result of the frame at `time` seconds.

        Args:
            observations: the M observations of the frame.
            born: the rows that started tracks.
            unexplained: (M,) which neither matched a track nor would start one.
            time: seconds.
        """
        ...


class TwoStage:
    """Matches observations of high score first, then the rest with the unmatched tracks at a higher threshold.

    Args:
        cost: gives the log-odds of pairs.
        high_score: score from which an observation is matched first, 0..1.
        threshold: least log-odds of a match in the first stage and across classes.
        low_threshold: the same in the second stage.
    """

    uses_crowding = False

    def __init__(self, cost: Cost, high_score: float, threshold: float, low_threshold: float) -> None:
        self.listener: MatchListener | None = None
        self._cost, self._high_score = cost, high_score
        self._threshold, self._low_threshold = threshold, low_threshold

    def warp(self, affine: Float64) -> None:
        """Does nothing: no positions are remembered."""

    def learn(self, observations: Observations, born: Int64, unexplained: Bool, time: float) -> None:
        """Does nothing: there is no memory."""

    def match(self, problem: MatchProblem) -> Int64:
        """(N,) the observation of each track, -1 where it has none."""
        pairs, matched = problem.pairs(), problem.unmatched()
        logits = self._cost(pairs)
        logits[problem.forbidden(pairs)] = NEVER_LOGIT
        gain = logits - self._threshold
        weak = (problem.observations.score < self._high_score).take(pairs.detection)
        gain[weak] = 0  # left to the second stage
        track, detection = assign(pairs.track, pairs.detection, gain)
        matched[track] = detection
        rest = (weak & (matched.take(pairs.track) < 0)).nonzero()[0]
        if len(rest):
            gain = logits.take(rest) - self._low_threshold
            track, detection = assign(pairs.track.take(rest), pairs.detection.take(rest), gain)
            matched[track] = detection
        match_across_classes(problem, matched, np.ones(len(problem.observations), bool), self._cost, self._threshold)
        if self.listener is not None:
            self.listener(problem, pairs, logits, matched)
        return matched


def match_across_classes(problem: MatchProblem, matched: Int64, usable: Bool, cost: Cost, threshold: float) -> None:
    """Matches tracks without an observation of their class with one of another class, at a higher threshold.

    Args:
        problem: the problem of the frame.
        matched: (N,) the matches so far; new matches are written into it.
        usable: (M,) which observations may be matched.
        cost: gives the log-odds of pairs.
        threshold: least log-odds of a match with the track's likeliest class.
    """
    if problem.class_cost is None:
        return
    track, left = matched < 0, usable.copy()
    left[matched[~track]] = False
    if not (track.any() and left.any()):
        return
    pairs = problem.pairs((track, left))
    if len(pairs.track):
        doubt = problem.class_cost(pairs.track, problem.observations.label.take(pairs.detection))
        gain = cost(pairs) - threshold - np.minimum(doubt, MAX_CLASS_LOGIT)
        gain[problem.forbidden(pairs)] = 0
        rows, columns = assign(pairs.track, pairs.detection, gain)
        matched[rows] = columns
