"""Scales that follow the errors at hand: they find them, within bounds, and nothing else moves them."""

from __future__ import annotations

import numpy as np
import pytest

from models.association_head.config import STUDENT_T_DOF
from tracker.learned.online_calibration import HALF_INTERVAL, MAX_LOG_FACTOR, OnlineCalibration
from tracker.motion.base import Observations
from tracker.types import Float64


def looks(n: int, score: float = 0.9) -> Observations:
    boxes = np.tile([0, 0, 40, 100.0], (n, 1)) + 200 * np.arange(n)[:, None]
    return Observations.at(boxes, np.full(n, score), True)


def settle(scales: OnlineCalibration, true: Float64, frames: int = 400, score: float = 0.9) -> Float64:
    """The factor after frames of ten objects whose errors are `true` (4,) times as large as predicted."""
    rng = np.random.default_rng(0)
    for _ in range(frames):
        errors = true * rng.standard_t(STUDENT_T_DOF, (10, 4)) / scales.factor
        scales.learn(errors, looks(10, score))
    return scales.factor


def test_factors_converge_to_the_true_scale_of_each_coordinate() -> None:
    true = np.array([1.6, 1.0, 0.7, 1.3])
    np.testing.assert_allclose(settle(OnlineCalibration(), true), true, rtol=0.12)


def test_factors_stay_within_their_bounds() -> None:
    scales = OnlineCalibration()
    np.testing.assert_allclose(
        settle(scales, np.array([50, 50, 0.01, 0.01])),
        np.exp([MAX_LOG_FACTOR, MAX_LOG_FACTOR, -MAX_LOG_FACTOR, -MAX_LOG_FACTOR]),
    )


@pytest.mark.parametrize("case", ["unsure", "crowded"])
def test_unconfident_matches_do_not_update_the_factors(case: str) -> None:
    observations = (
        looks(5, 0.5) if case == "unsure" else Observations.at(np.tile([0, 0, 40, 100.0], (5, 1)), np.ones(5), True)
    )
    scales = OnlineCalibration()
    scales.learn(np.full((5, 4), 30.0), observations)
    assert (scales.factor == 1).all()


def test_single_outlier_moves_the_factors_by_a_bounded_amount() -> None:
    scales = OnlineCalibration()
    scales.learn(np.full((1, 4), 1e9), looks(1))
    assert (scales.factor < 1.02).all()


@pytest.mark.parametrize("draw", ["normal", "laplace", "uniform"])
def test_coverage_is_ninety_percent_for_any_distribution(draw: str) -> None:
    rng = np.random.default_rng(1)
    scales, inside = OnlineCalibration(), []
    for k in range(2000):
        errors = getattr(rng, draw)(-2 if draw == "uniform" else 0, 2, (5, 4)) / scales.factor
        if k > 1000:
            inside.append(abs(errors) <= HALF_INTERVAL)
        scales.learn(errors, looks(5))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)


def test_interval_is_the_quantile_of_the_trained_distribution() -> None:
    stats = pytest.importorskip("scipy.stats")
    assert pytest.approx(stats.t.ppf(0.95, STUDENT_T_DOF), abs=1e-3) == HALF_INTERVAL
