"""The noise of detections: by score, and by the time to their neighbours."""

from __future__ import annotations

import numpy as np

from tracker.offline.smoothing.measurement import ERROR_TAU_S, interval, noise_factor


def test_noise_falls_with_the_score() -> None:
    score = np.linspace(0, 1, 21)
    track = np.arange(21)
    noise = noise_factor(track, np.zeros(21), score)
    assert (np.diff(noise) <= 0).all()
    assert noise[5] > 5 * noise[19]


def test_fast_detections_count_less_each_and_slow_ones_are_independent() -> None:
    def at(dt: float) -> float:
        many = 41
        return float(noise_factor(np.zeros(many, np.int64), np.arange(many) * dt, np.full(many, 0.9))[20])

    assert at(0.01) > 3 * at(10.0)
    # variance of a mean over one second: as good as no better, however fast the detections come
    assert 0.8 < (at(0.01) ** 2 * 0.01) / (at(0.02) ** 2 * 0.02) < 1.25
    np.testing.assert_allclose(at(20 * ERROR_TAU_S), at(200 * ERROR_TAU_S), rtol=1e-6)


def test_interval_is_the_harmonic_mean_of_both_sides_of_the_same_track() -> None:
    track = np.array([0, 0, 0, 1, 2, 2])
    time = np.array([0.0, 0.1, 0.4, 5.0, 1.0, 3.0])
    np.testing.assert_allclose(interval(track, time)[[0, 1, 2, 4, 5]], [0.1, 2 / (10 + 1 / 0.3), 0.3, 2, 2])
    assert np.isfinite(interval(track, time)).all()
