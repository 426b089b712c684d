"""Scores are brought to what the tracker takes them for, in their order."""

from __future__ import annotations

import numpy as np
import pytest

from models.detection.calibration import YOLOX, apply, expit, finds, fit, fit_classes, logit, undo


def test_fit_recovers_a_known_calibration_line() -> None:
    rng = np.random.default_rng(0)
    score = rng.uniform(0.02, 0.8, 40_000)
    right = rng.random(len(score)) < expit(3.0 * logit(score) + 1.4)
    slope, shift = fit(score, right)
    assert slope == pytest.approx(3.0 / YOLOX[0], rel=0.05)
    assert shift == pytest.approx((1.4 - YOLOX[1]) / YOLOX[0], abs=0.1)
    # and so a score says what one of YOLOX's says: those of .65 are right as often
    new = apply(score[:, None], np.array([[slope, shift]]))[:, 0]
    near = np.abs(new - 0.65) < 0.03
    assert right[near].mean() == pytest.approx(float(expit(YOLOX[0] * logit(np.array(0.65)) + YOLOX[1])), abs=0.05)


def test_calibration_keeps_the_order_and_is_invertible() -> None:
    score = np.linspace(0.01, 0.99, 50)
    lines = np.array([(1.0, 0.0), (2.3, 0.5), (0.4, -1.0)])
    new = apply(np.stack([score] * 3, axis=1), lines)
    assert (np.diff(new, axis=0) > 0).all()
    for k in range(3):
        assert [undo(float(s), lines)[k] for s in new[5:40, k]] == pytest.approx(score[5:40], abs=1e-3)
    assert undo(0.0, lines).tolist() == [0] * 3
    assert undo(1.0, lines).tolist() == [1] * 3


def test_rare_classes_share_a_calibration_line() -> None:
    rng = np.random.default_rng(0)
    score = rng.uniform(0.02, 0.8, 3000)
    label = np.repeat([0, 1, 2], [2000, 990, 10])
    slope = np.array([3.0, 1.0, 1.0])[label]
    right = rng.random(3000) < expit(slope * logit(score) + 1)
    lines = fit_classes(score, right, label, 4)
    assert lines[0][0] > 1.5 * lines[1][0]
    assert lines[2] == lines[3] == fit(score, right)


@pytest.mark.parametrize("right", [np.ones(9, bool), np.zeros(9, bool), np.arange(9) < 4, np.zeros(0, bool)])
def test_scores_are_unchanged_without_a_usable_fit(right: np.ndarray) -> None:
    score = np.linspace(0.1, 0.9, len(right))  # low scores right and high ones wrong: nothing to follow
    assert fit(score, right) == (1.0, 0.0)


def test_an_object_counts_once_for_the_best_score() -> None:
    fits = np.array([[True, False], [True, True], [True, False], [False, False]])
    assert finds(np.array([0.5, 0.9, 0.7, 0.95]), fits).tolist() == [False, True, False, False]
    assert finds(np.array([0.9, 0.5, 0.7, 0.1]), fits).tolist() == [True, True, False, False]
