"""Slow averages of a track in true time, and occlusion order."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.boxes import overlapping_pairs, overlaps
from tracker.motion import track_averages as habit
from tracker.motion.base import Observations
from tracker.types import Float64


def look(x: float, score: float = 1.0) -> Observations:
    return Observations.at(np.array([[x, 0, x + 40, 100]]), np.array([score]), True)


def averages(times: Float64, places: Float64) -> Float64:
    """(S, 4) of a track that was seen at these times and places."""
    rows = habit.first(look(places[0]), times[0])
    for before, time, x in zip(times, times[1:], places[1:], strict=False):
        rows = habit.follow(rows, look(x), time, np.array([time - before]))
    return habit.recall(rows, np.array([[0, 0, 40, 100.0]]), np.zeros(1), times[-1]).mean_coordinates[0]


def test_young_track_averages_uniformly_and_old_track_exponentially() -> None:
    young = averages(np.array([0, 0.01, 0.02, 0.03]), np.array([0.0, 40, 80, 120]))
    np.testing.assert_allclose(young[:, 0] - 20, 60, rtol=0.02)
    times = np.arange(0, 60, 0.05)
    old = averages(times, np.where(times < 57, 0.0, 100))
    expected = 100 * -np.expm1(-3 / habit.SPANS)
    np.testing.assert_allclose(old[:, 0] - 20, expected, rtol=0.02)


def test_uneven_times_give_the_same_average() -> None:
    rng = np.random.default_rng(0)
    even = np.arange(0, 20, 0.01)
    uneven = even[np.unique(np.append(rng.choice(len(even), 900, replace=False), [0, len(even) - 1]))]
    a, b = (averages(times, 100 * np.sin(times / 3)) for times in (even, uneven))
    np.testing.assert_allclose(a[:, 0], b[:, 0], atol=2)


def test_occluded_or_low_score_observation_has_less_weight() -> None:
    rows = habit.first(look(0), 0.0)
    sure, unsure = (habit.follow(rows, look(100, score), 0.5, np.array([0.5])) for score in (1.0, 0.25))
    moved = [r[0, habit.USUAL] - 20 for r in (sure, unsure)]
    assert moved[1] == pytest.approx(0.25 * moved[0])


def test_camera_motion_moves_the_averages() -> None:
    rows = habit.first(look(10), 0.0)
    moved = habit.warp(rows, np.array([[2, 0, 5.0], [0, 2, -3]]))
    expected = [2 * 30 + 5, 2 * 50 - 3, np.log(80), np.log(200)]
    np.testing.assert_allclose(moved[0, habit.USUAL :], expected * len(habit.SPANS))


def test_box_with_lower_bottom_edge_occludes_the_other() -> None:
    xyxy = np.array([[0, 0, 40, 100.0], [20, 10, 60, 110], [500, 0, 540, 100]])
    rows = habit.first(Observations.at(xyxy, np.ones(3), True), 0.0)
    got = habit.recall(rows, xyxy, np.zeros(3), 1.0)
    np.testing.assert_allclose(got.occlusion, [20 * 90 / 4000, 0, 0])
    np.testing.assert_allclose(got.neighbour_iou, [1800 / 6200, 1800 / 6200, 0])
    np.testing.assert_allclose(got.crowding, got.neighbour_iou)
    np.testing.assert_allclose(got.age, 1.0)
    long_gone = habit.recall(rows, xyxy, np.array([0, 5.0, 0]), 5.0)
    assert (long_gone.occlusion == 0).all()


def test_overlapping_pairs_equal_those_of_the_full_matrix() -> None:
    rng = np.random.default_rng(1)
    for n in (0, 1, 2, 60):
        low = rng.uniform(0, 300, (n, 2))
        xyxy = np.concatenate([low, low + rng.uniform(5, 80, (n, 2))], axis=1)
        i, j, shared = overlapping_pairs(xyxy)
        area = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
        table = np.zeros((n, n))
        table[i, j] = table[j, i] = shared / (area[i] + area[j] - shared)
        expected = overlaps(xyxy, xyxy)
        np.fill_diagonal(expected, 0)
        np.testing.assert_allclose(table, expected)
