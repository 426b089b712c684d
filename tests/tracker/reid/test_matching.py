"""Similarity of identities: against enumeration, by hand, and on features of known noise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from models.runtime.maths import unit
from tracker.reid.matching import embed, log_odds, marginals, normalised_similarity, reachable, within_metric
from tracker.types import Float32, Float64

RNG = np.random.default_rng(3)


def enumerated(weights: Float64) -> Float64:
    """The marginals of all matchings, one by one."""
    m, g = weights.shape
    total = np.zeros((m, g + 1))
    for choice in itertools.product(range(g + 1), repeat=m):
        taken = [c for c in choice if c < g]
        if len(set(taken)) == len(taken):
            worth = np.prod([weights[i, c] for i, c in enumerate(choice) if c < g])
            total[np.arange(m), choice] += worth
    return total / total.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("m", "g"), [(1, 1), (1, 5), (2, 3), (3, 2), (4, 4)])
def test_marginals_equal_those_of_enumerated_matchings(m: int, g: int) -> None:
    for _ in range(10):
        weights = np.exp(RNG.normal(-0.5, 2, (m, g))) * (RNG.random((m, g)) > 0.2)
        got = marginals(weights)
        np.testing.assert_allclose(got.sum(axis=1), 1)
        assert (got[:, :-1].sum(axis=0) <= 1 + 1e-6).all()
        # with one row it is exact; with loops it is Williams and Lau's approximation
        np.testing.assert_allclose(got, enumerated(weights), atol=1e-9 if m == 1 else 0.12)
        assert not got[:, :-1][weights == 0].any()


def test_identity_with_a_certain_match_is_not_assigned_to_another_track() -> None:
    alone = marginals(np.array([[3.0]]))
    beside = marginals(np.array([[3.0], [300.0]]))
    assert alone[0, 0] == pytest.approx(0.75)
    assert beside[0, 0] < 0.05
    assert beside[1, 0] > 0.9


def test_metric_removes_within_track_variation() -> None:
    people, disturbance = RNG.normal(size=(12, 50)), RNG.normal(size=(3, 50)) * 3
    who = np.repeat(np.arange(12), 8)

    def views() -> Float32:
        rows = people[who] + RNG.normal(size=(96, 3)) @ disturbance + 0.1 * RNG.normal(size=(96, 50))
        return unit(rows.astype(np.float32))

    first, later = views(), views()

    def found(bare: float) -> float:
        metric = within_metric(first, who, bare)
        a, b = (embed(metric, v.reshape(12, 8, 50)[:, :1], np.ones((12, 1), np.float32)) for v in (first, later))
        return float(((b @ a.T).argmax(axis=1) == np.arange(12)).mean())

    assert found(10.0) > found(np.inf) + 0.2
    # where nothing is learnt, the cosines are those of the features without their mean
    metric = within_metric(first[:40], who[:40], np.inf)
    centred = unit(first[:40] - first[:40].mean(axis=0))
    got = embed(metric, first[:40, None], np.ones((40, 1), np.float32))
    np.testing.assert_allclose(got @ got.T, centred @ centred.T, atol=1e-4)


def test_identical_crops_give_a_finite_metric() -> None:
    same = np.tile(unit(RNG.normal(size=(1, 20)).astype(np.float32)), (6, 1))
    metric = within_metric(same, np.repeat([0, 1], 3))
    assert np.isfinite(embed(metric, same[None], np.ones((1, 6), np.float32))).all()


def test_similarity_is_normalised_by_simultaneous_tracks() -> None:
    first, last = np.array([0.0, 0.0, 0.0, 5.0]), np.array([2.0, 2.0, 2.0, 6.0])
    cosine = np.eye(4)
    known = {(0, 1): 0.1, (0, 2): 0.3, (1, 2): 0.2}
    for (i, j), v in known.items():
        cosine[i, j] = cosine[j, i] = v
    cosine[3, :3] = cosine[:3, 3] = 0.9  # a later track may be any of them: not part of the normalisation
    z = normalised_similarity(cosine, first, last, np.array([True, True, True, False]))
    freed = [v + 1 / 2 for v in known.values()]  # of three whose mean is taken off, two have -1/2
    mean = sum(freed) / 7  # three pairs and four imagined ones of mean 0
    spread = np.sqrt((sum((v - mean) ** 2 for v in freed) + 4 * 0.12**2) / 7)
    np.testing.assert_allclose(z[3, 0], (0.9 - mean) / spread)
    assert log_odds(z[3, :1])[0] > log_odds(z[0, 1:2])[0]


def test_strangers_score_like_known_different_people() -> None:
    who, n = RNG.normal(size=(300, 40)).astype(np.float32), 6
    found = []
    for k in range(0, 300, 10):
        views = unit(who[k : k + 10])
        e = embed(within_metric(views[:n], np.arange(n)), views[:, None], np.ones((10, 1), np.float32))
        taught = np.arange(10) < n
        z = normalised_similarity((e @ e.T).astype(np.float64), 1.0 * ~taught, 1.0 * ~taught, taught)
        found.append(z[n:, :n].mean())
    assert abs(np.mean(found)) < 0.3


def test_reachability_bounds_speed_and_excludes_simultaneous_tracks() -> None:
    here = np.array([[100.0, 0, 140, 100]])
    there = np.array([[100.0, 0, 140, 100], [600.0, 0, 640, 100], [600.0, 0, 640, 100], [100.0, 0, 140, 100]])
    elapsed = np.array([[1.0, 1.0, 2.0, -0.5]])  # five heights away; a simultaneous track is another person
    assert reachable(here, there, elapsed, speed=3.0, slack=1.0).tolist() == [[True, False, True, False]]
