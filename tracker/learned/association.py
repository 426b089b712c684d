"""The liquid head as an `Associator`: learned log-odds of pairs, matched in one stage."""

from __future__ import annotations

import numpy as np

from models.association_head.inference import HeadNumpy
from tracker.association.assignment import assign
from tracker.association.costs import Pairs, appearance
from tracker.association.matching import NEVER_LOGIT, MatchListener, MatchProblem, match_across_classes
from tracker.association.static_clutter import StaticClutter
from tracker.learned.pair_features import WEAK_LOGIT, WEAK_SCORE, PairView, pair_view
from tracker.motion.base import Observations
from tracker.types import Bool, Float64, Int64

UNAMBIGUOUS_LOGIT = 15.0  # log-odds of pairs that position alone settles
MIN_NEIGHBOUR_IOU = 0.3  # IoU with another detection from which a weak detection may be its duplicate


class Learned:
    """Matches by the head's log-odds, which take detection scores into account, with predictions of a `LiquidMotion`.

    Weak detections that are static for seconds and belong to no track are static clutter: no lost track re-attaches to
    them. A Kalman filter needs no such rule, since its log-odds for weak detections are strict enough.

    Args:
        head: scores the pairs; the same head as the motion's.
        threshold: least log-odds of a match, also across classes.
        birth_threshold: the same for an observation that would start a track otherwise.
    """

    uses_crowding = True

    def __init__(self, head: HeadNumpy, threshold: float, birth_threshold: float) -> None:
        self.head = head
        self.listener: MatchListener | None = None
        self._threshold, self._birth_threshold = threshold, birth_threshold
        self._clutter = StaticClutter()

    def succeed(self, other: Learned) -> None:
        """Goes on where another associator of the same tracks ends: takes over its static clutter and its listener."""
        self._clutter, self.listener = other._clutter, other.listener

    def warp(self, affine: Float64) -> None:
        """Transforms the static clutter into a frame whose camera has moved by the (2, 3) `affine`, pixels."""
        self._clutter.warp(affine)

    def match(self, problem: MatchProblem) -> Int64:
        """(N,) the observation of each track, -1 where it has none."""
        pairs, matched = problem.pairs(near=self.near(problem)), problem.unmatched()
        births, seen = problem.births, problem.observations
        logits = self.logits(pairs)
        logits[problem.forbidden(pairs)] = NEVER_LOGIT
        gain = logits - self._threshold
        strong = births.take(pairs.detection)
        # an observation that would start a new track rather joins the likeliest existing one
        gain[strong] = logits[strong] - self._birth_threshold
        usable = np.ones(len(seen), bool)
        if not births.all():
            unsure = (~births).nonzero()[0]
            usable[unsure] = ~self._clutter.is_clutter(seen.xyxy[unsure])
            gain[~usable.take(pairs.detection)] = 0
        track, detection = assign(pairs.track, pairs.detection, gain)
        matched[track] = detection
        match_across_classes(problem, matched, usable, self.logits, self._threshold)
        if self.listener is not None:
            self.listener(problem, pairs, logits, matched)
        return matched

    def learn(self, observations: Observations, born: Int64, unexplained: Bool, time: float) -> None:
        """Updates the static clutter with the unexplained observations."""
        assert observations.crowding is not None
        self._clutter.forget(observations.xyxy[born])
        # a duplicate detection of another object is no clutter
        alone = unexplained & (observations.crowding < MIN_NEIGHBOUR_IOU)
        self._clutter.observe(observations.xyxy[alone], time)

    def near(self, problem: MatchProblem) -> tuple[Int64, Int64]:
        """`MatchProblem.near`."""
        return problem.near()

    def logits(self, pairs: Pairs) -> Float64:
        """(K,) the learned log-odds plus the appearance similarity times `HeadConfig.similarity_weight`."""
        p = pairs.prediction
        assert p.code is not None
        assert p.prior is not None
        view = self.view(pairs.of(p.prior))
        logits = np.full(len(pairs.track), NEVER_LOGIT)
        logits[view.settled] = UNAMBIGUOUS_LOGIT
        if len(view.rows):
            at = view.track, view.detection
            learned = self.head.logits(view.features, view.prior_logits, view.gap, p.code, at, view.known)
            alike = appearance(pairs, self.head.config.similarity_weight).take(view.rows)
            # the prior has a higher threshold for weak detections; so has the head where the prior alone would reject
            doubtful = (view.prior_logits < -WEAK_LOGIT) & (pairs.observations.score < WEAK_SCORE).take(view.detection)
            logits[view.rows] = learned + alike - WEAK_LOGIT * doubtful
        return logits

    def view(self, pairs: Pairs) -> PairView:
        """The head's inputs for the pairs, under the prior's prediction; see `pair_view`."""
        return pair_view(pairs, self.head.config.track_statistics, settle=True)
