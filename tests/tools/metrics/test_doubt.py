"""Mistakes among the least sure decisions, and calibration in bins of equal mass."""

from itertools import permutations

import numpy as np
import pytest

from tools.metrics.classification import reliability
from tools.metrics.doubt import equal_mass_reliability, reliability_by_doubt, shares_of_mistakes


def test_shares_count_the_mistakes_among_the_least_sure() -> None:
    sure = np.array([9.0, 1, 5, 3, 7, 2, 8, 4, 6, 10])
    wrong = np.array([0, 1, 0, 1, 0, 0, 0, 0, 1, 1], bool)
    got = shares_of_mistakes(sure, wrong, (0.1, 0.2, 0.3, 0.6, 1.0))
    assert got.tolist() == [0.25, 0.25, 0.5, 0.75, 1.0]


def test_ties_share_their_mistakes_as_the_mean_over_all_orders_does() -> None:
    sure = np.array([1.0, 2, 2, 2, 2, 3])
    wrong = np.array([0, 1, 0, 0, 1, 1], bool)
    counts = []
    for order in permutations(range(1, 5)):
        ranked = wrong[[0, *order, 5]]
        counts.append([ranked[:k].sum() / 3 for k in (1, 2, 3, 4, 5, 6)])
    got = shares_of_mistakes(sure, wrong, [k / 6 for k in (1, 2, 3, 4, 5, 6)])
    assert got == pytest.approx(np.mean(counts, axis=0))


def test_a_weight_of_two_counts_as_the_decision_twice() -> None:
    rng = np.random.default_rng(0)
    sure, wrong, weight = rng.normal(size=50), rng.random(50) < 0.2, rng.integers(0, 3, 50)
    twice = np.repeat(np.arange(50), weight)
    want = shares_of_mistakes(sure[twice], wrong[twice])
    assert shares_of_mistakes(sure, wrong, weight=weight.astype(float)) == pytest.approx(want)


def test_no_mistake_has_no_share() -> None:
    assert np.isnan(shares_of_mistakes(np.arange(3.0), np.zeros(3, bool))).all()
    assert np.isnan(shares_of_mistakes(np.zeros(0), np.zeros(0, bool))).all()


def test_bins_of_equal_mass_hold_equally_many_in_order() -> None:
    found = equal_mass_reliability(np.array([0.9, 0.1, 0.3, 0.2, 0.8]), np.array([1, 0, 1, 0, 1], bool), 2)
    assert found.count.tolist() == [2, 3]
    assert found.confidence == pytest.approx([0.15, 2 / 3])
    assert found.accuracy.tolist() == [0, 1]
    assert found.error == pytest.approx((2 * 0.15 + 3 / 3) / 5)


def test_calibrated_probabilities_have_a_small_error_in_both_kinds_of_bins() -> None:
    rng = np.random.default_rng(1)
    probability = rng.beta(8, 1, 40_000)
    right = rng.random(40_000) < probability
    for make in (reliability, equal_mass_reliability):
        assert make(probability, right, 15).error < 0.01
        assert make(probability**3, right, 15).error > 0.05


def test_bins_of_doubt_keep_a_tenth_and_a_thousandth_apart() -> None:
    found = reliability_by_doubt(np.array([0.9, 0.999, 0.91, 1.0, 0.999]), np.array([1, 1, 0, 1, 0], bool))
    assert found.count.tolist() == [2, 2, 1]
    assert found.confidence == pytest.approx([0.905, 0.999, 1.0])
    assert found.accuracy.tolist() == [0.5, 0.5, 1.0]
