"""Simulated crops: disturbances correlated in time, reproducible, never empty."""

from __future__ import annotations

from typing import Any

import numpy as np

from datasets.simulation.crops import SIZES, draw_course, show, wander


def test_crop_disturbance_has_the_ornstein_uhlenbeck_autocorrelation() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(40_000) * 0.05
    x = wander(rng, time, 0.4)
    assert abs(x.mean()) < 0.1
    assert abs(x.std() - 1) < 0.05
    for lag in (1, 8, 40):  # the autocorrelation of an Ornstein-Uhlenbeck process
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1] - np.exp(-0.05 * lag / 0.4)) < 0.06


def test_crop_times_are_true_seconds() -> None:
    """The step over a gap forgets by its length, not by its number."""
    time = np.cumsum(np.tile([0.01, 2.0], 20_000))
    x = wander(np.random.default_rng(1), time, 0.5)
    short, long = (np.corrcoef(x[k:-1:2], x[k + 1 :: 2])[0, 1] for k in (1, 0))
    near, far = max(short, long), min(short, long)
    assert abs(near - np.exp(-2.0 / 0.5)) < 0.05 or abs(near - np.exp(-0.01 / 0.5)) < 0.05
    assert near > 0.9
    assert far < 0.1


def picture(seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 255, (96, 96, 3), dtype=np.uint8)


def test_crops_have_the_size_of_the_box_in_the_video() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        course = draw_course(rng, np.arange(12) * 0.2)
        assert ((course.score > 0) & (course.score < 1)).all()
        assert course.wrong.mean() <= 0.5
        for k in range(12):
            view = show(picture(1), course, k, picture(2), picture(3), rng)
            assert view.dtype == np.uint8
            assert min(view.shape[:2]) >= 4
            assert max(view.shape[:2]) <= 1.7 * course.side[k] + 8
    assert SIZES[0] < SIZES[1]


def test_crops_are_reproducible_from_the_seed() -> None:
    def made() -> list[Any]:
        rng = np.random.default_rng(5)
        course = draw_course(rng, np.arange(6) * 0.3)
        return [show(picture(1), course, k, picture(2), picture(3), rng) for k in range(6)]

    for a, b in zip(made(), made(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_swapped_boxes_show_the_other_object() -> None:
    rng = np.random.default_rng(0)
    dark, bright = np.zeros((96, 96, 3), np.uint8), np.full((96, 96, 3), 200, np.uint8)
    found = set()
    for _ in range(60):
        course = draw_course(rng, np.arange(10) * 0.2)
        for k in range(10):
            if course.light[k] > 0.5 and course.cover[k] < 0.05:
                found.add((bool(course.wrong[k]), bool(show(dark, course, k, dark, bright, rng).mean() > 60)))
    assert found == {(False, False), (True, True)}
