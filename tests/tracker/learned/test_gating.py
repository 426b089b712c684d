"""Pairs that skip the head: unambiguous ones, and those that cannot change a match."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.association_head.inference import load_head
from tracker.association.assignment import assign
from tracker.association.costs import Pairs
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.association import Learned
from tracker.learned.gating import CLEAR, MAX_UNSEEN_S, MIN_RIVAL_LOGIT, MIN_SCORE, SETTLED
from tracker.learned.liquid_motion import WEIGHTS
from tracker.learned.pair_features import PairView, pair_view
from tracker.motion_registry import logit
from tracker.types import Detections, Float64

PEOPLE = 30


def square(frames: int = 60) -> Iterator[tuple[Detections, float]]:
    """People who cross at uneven times, with missed detections and false positives."""
    rng = np.random.default_rng(4)
    at, v, time = rng.uniform(0, 500, (PEOPLE, 2)), rng.normal(0, 50, (PEOPLE, 2)), 0.0
    for _ in range(frames):
        dt = rng.choice([0.04, 0.04, 0.2, 0.7])
        time, at = time + dt, at + v * dt
        v *= np.where((at < 0) | (at > 500), -1, 1)
        centre = np.concatenate([at[rng.random(PEOPLE) < 0.85] + rng.normal(0, 2), rng.uniform(0, 500, (2, 2))])
        half = np.array([16.0, 40.0]) * rng.normal(1, 0.03, centre.shape)
        boxes, score = np.hstack([centre - half, centre + half]), rng.uniform(0.2, 1, len(centre))
        yield Detections(boxes.astype(np.float32), score.astype(np.float32), np.zeros(len(score), np.int64)), time


class Everything(Learned):
    """Scores every pair, and records them."""

    def __init__(self) -> None:
        super().__init__(load_head(WEIGHTS), 0.0, logit(TrackerConfig().new_track_match_probability))
        self.seen: list[Pairs] = []

    def view(self, pairs: Pairs) -> PairView:
        self.seen.append(pairs)
        return pair_view(pairs)


def test_only_unambiguous_pairs_skip_the_head() -> None:
    everything = Everything()
    tracker = Tracker(TrackerConfig(), associator=everything)
    for found, time in square():
        tracker.update(found, time)
    left_out = looked_at = 0
    for pairs in everything.seen:
        whole, short = pair_view(pairs), pair_view(pairs, settle=True)
        odds = dict(zip(whole.rows.tolist(), whole.prior_logits.tolist(), strict=True))
        i, j = pairs.track, pairs.detection
        for k in short.settled.tolist():
            assert _clear(k, odds, pairs)
            assert pairs.observations.score[j[k]] >= MIN_SCORE
            assert pairs.prediction.elapsed[i[k]] <= MAX_UNSEEN_S
        kept = np.isin(whole.rows, short.rows)
        np.testing.assert_array_equal(whole.features[kept], short.features)
        gone = set(odds) - set(short.rows.tolist()) - set(short.settled.tolist())
        # a skipped pair has an unambiguous match, or does not compete with one
        sure = [k for k in short.rows.tolist() if _clear(k, odds, pairs)] + short.settled.tolist()
        tracks, detections = set(i[sure].tolist()), set(j[sure].tolist())
        for k in gone:
            either = (i[k] in tracks) + (j[k] in detections)
            assert either == 2 or (either == 1 and odds[k] <= MIN_RIVAL_LOGIT)
        left_out, looked_at = left_out + len(gone) + len(short.settled), looked_at + len(short.rows)
    assert min(left_out, looked_at) > 500


def _clear(k: int, odds: dict[int, float], pairs: Pairs) -> bool:
    """Whether a pair is unambiguous by its log-odds and those of its competing pairs."""
    i, j = pairs.track, pairs.detection
    rivals = [o for r, o in odds.items() if r != k and (i[r] == i[k] or j[r] == j[k])]
    return odds[k] >= SETTLED and max(rivals, default=-np.inf) <= odds[k] - CLEAR


class Both(Everything):
    """Matches with and without the gated pairs, and counts the matches of either and of both."""

    def __init__(self) -> None:
        super().__init__()
        self.either = self.both = 0
        self.short = Learned(self.head, 0.0, 0.0)

    def logits(self, pairs: Pairs) -> Float64:
        whole = super().logits(pairs)
        short = self.short.logits(pairs)
        one, other = (set(zip(*assign(pairs.track, pairs.detection, odds), strict=True)) for odds in (whole, short))
        self.either, self.both = self.either + len(one | other), self.both + len(one & other)
        return whole


def test_gated_matches_equal_those_of_scoring_every_pair() -> None:
    both = Both()
    tracker = Tracker(TrackerConfig(), associator=both)
    for found, time in square(100):
        tracker.update(found, time)
    assert both.either > 1000
    assert both.both >= 0.99 * both.either
