"""The liquid motion: the Kalman filter while untrained, invariant to scale and position."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.association_head.config import HeadConfig
from models.association_head.inference import HeadNumpy
from models.association_head.model import AssociationHead
from tracker.association.costs import Pairs
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.association import Learned
from tracker.learned.liquid_motion import LiquidMotion
from tracker.learned.pair_features import FEATURE_NAMES, FEATURES, INPUTS, WEAK_LOGIT, pair_view
from tracker.motion.base import Observations
from tracker.motion.kalman_mixture import KalmanMotion
from tracker.types import Detections, Float64, Tracks

WARP = np.array([[1.01, 0.02, 9.0], [-0.01, 0.99, -4.0]])


def head(noise: float) -> HeadNumpy:
    torch.manual_seed(0)
    model = AssociationHead(INPUTS, FEATURES, HeadConfig())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += noise * torch.randn_like(parameter)
    return HeadNumpy({n: v.numpy() for n, v in model.state_dict().items()}, model.config)


def crowd(seed: int = 0, frames: int = 25) -> list[tuple[float, Float64, Float64]]:
    """Times, boxes and scores of people who cross, in uneven time."""
    rng = np.random.default_rng(seed)
    at, v, time, out = rng.uniform(0, 600, (8, 2)), rng.normal(0, 60, (8, 2)), 0.0, []
    for _ in range(frames):
        dt = rng.uniform(0.03, 0.5)
        time, at = time + dt, at + v * dt
        size = np.array([40.0, 100.0]) * rng.normal(1, 0.03, (8, 2))
        centre = at + rng.normal(0, 2, (8, 2))
        seen = rng.random(8) < 0.9
        out.append((time, np.hstack([centre - size / 2, centre + size / 2])[seen], rng.uniform(0.2, 1, 8)[seen]))
    return out


def run(motion: LiquidMotion, scale: float = 1, shift: float = 0) -> list[Tracks]:
    tracker = Tracker(TrackerConfig(), motion)
    out = []
    for time, boxes, score in crowd():
        moved = (boxes * scale + shift).astype(np.float32)
        out.append(tracker.update(Detections(moved, score.astype(np.float32), np.zeros(len(score), np.int64)), time))
    return out


def test_untrained_liquid_motion_equals_the_kalman_filter() -> None:
    liquid, kalman = LiquidMotion(head(0)), KalmanMotion()
    looks = [Observations.at(boxes[:3], score[:3], True) for _, boxes, score in crowd()]
    a, b = (
        liquid.start(looks[0], 0.0, np.zeros((0, liquid.width))),
        kalman.start(looks[0], 0.0, np.zeros((0, kalman.width))),
    )
    for k, observations in enumerate(looks[1:], 1):
        a, b = liquid.warp(a, WARP), kalman.warp(b, WARP)
        p, q = liquid.predict(a, 0.2 * k), kalman.predict(b, 0.2 * k)
        np.testing.assert_array_equal(p.coordinates, q.coordinates)
        np.testing.assert_array_equal(p.std, q.std)
        a, b = liquid.update(a, observations, 0.2 * k), kalman.update(b, observations, 0.2 * k)


@pytest.mark.parametrize(("scale", "shift"), [(4.0, 0.0), (0.5, 0.0), (1.0, 512.0), (2.0, -2048.0)])
def test_liquid_motion_is_invariant_to_scale_and_position(scale: float, shift: float) -> None:
    motion = LiquidMotion(head(0.05))
    for a, b in zip(run(motion), run(motion, scale, shift), strict=True):
        np.testing.assert_array_equal(a.id, b.id)
        np.testing.assert_array_equal(a.detection, b.detection)


def test_prediction_is_pure_and_camera_motion_is_kept_until_the_match() -> None:
    motion = LiquidMotion(head(0.05))
    observations = Observations.at(np.array([[0, 0, 40, 100.0], [30, 0, 70, 100]]), np.array([0.9, 0.8]), True)
    rows = motion.start(observations, 0.0, np.zeros((0, motion.width)))
    before = rows.copy()
    first, _ = motion.predict(rows, 1.0), motion.predict(rows, 5.0)
    np.testing.assert_array_equal(motion.predict(rows, 1.0).coordinates, first.coordinates)
    np.testing.assert_array_equal(rows, before)
    moved = motion.warp(rows, np.array([[1, 0, 7.0], [0, 1, -3]]))
    np.testing.assert_allclose(moved[:, -2:], [[7, -3], [7, -3]])
    assert (motion.update(moved, observations, 0.1)[:, -2:] == 0).all()


def test_disabled_track_statistics_are_zero_in_the_features() -> None:
    learned = Learned(head(0.05), 0.0, 0.0)
    tracker = Tracker(TrackerConfig(), LiquidMotion(learned.head), associator=learned)
    views = []
    learned.view = lambda pairs: views.append((pair_view(pairs), pair_view(pairs, False))) or pair_view(pairs)  # type: ignore[method-assign,func-returns-value]
    for time, boxes, score in crowd():
        found = Detections(boxes.astype(np.float32), score.astype(np.float32), np.zeros(len(score), np.int64))
        tracker.update(found, time)
    whole, blind = (np.concatenate([v[k].features for v in views]) for k in (0, 1))
    differs = (whole != blind).any(axis=0)
    long_term = [name for name in FEATURE_NAMES if " against " in name] + ["track's crowding", "track's age"]
    assert [name for name, other in zip(FEATURE_NAMES, differs, strict=True) if other] == long_term
    assert (blind[:, differs] == 0).all()


@pytest.mark.parametrize("known", [True, False])
def test_similarity_weight_scales_the_appearance_logit(known: bool) -> None:
    plain = head(0.05)
    more = HeadNumpy(plain.weights(), replace(plain.config, similarity_weight=7.0))
    motion = LiquidMotion(plain)
    observations = Observations.at(np.array([[0, 0, 40, 100], [6, 0, 46, 100.0]]), np.array([0.9, 0.8]), True)
    rows = motion.start(observations, 0.0, np.zeros((0, motion.width)))
    track, detection = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    similarity = np.array([0.9, -0.2, np.nan, 0.3]) if known else None
    pairs = Pairs(track, detection, motion.predict(rows, 0.1), observations, observations.score, similarity)
    added = Learned(more, 0.0, 0.0).logits(pairs) - Learned(plain, 0.0, 0.0).logits(pairs)
    np.testing.assert_allclose(added, [4.2, -3.5, 0, 0] if known else 0, atol=1e-4)


@pytest.mark.parametrize(("score", "less"), [(0.3, WEAK_LOGIT), (0.6, 0.0)])
def test_low_score_detection_with_unlikely_prior_needs_a_higher_logit(score: float, less: float) -> None:
    motion = LiquidMotion(head(0.0))  # untrained: the prior's own odds
    first = Observations.at(np.array([[0.0, 0, 40, 100]]), np.array([0.9]), True)
    prediction = motion.predict(motion.start(first, 0.0, np.zeros((0, motion.width))), 0.1)
    observations = Observations.at(np.array([[2.0, 0, 42, 100], [10.0, 30, 34, 62]]), np.full(2, score), True)
    pairs = Pairs(np.zeros(2, np.int64), np.arange(2), prediction, observations, first.score)
    assert prediction.prior is not None
    learned = Learned(motion.head, 0.0, 0.0)
    view = learned.view(pairs.of(prediction.prior))
    assert view.rows.tolist() == [0, 1]
    likely, unlikely = view.prior_logits
    assert unlikely < -less <= 0 < likely
    np.testing.assert_allclose(learned.logits(pairs), [likely, unlikely - less], atol=1e-5)
