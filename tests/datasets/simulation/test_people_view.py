"""A moving camera: pinhole projection, occlusion by nearer people, and the image's motion."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.simulation.people_view import MovingCamera, ScenePeople, film, visible_share
from tracker.types import Float64


def camera(
    frames: int = 1, pan: Float64 | float = 0.0, tilt: float = 0.0, focal: Float64 | float = 800.0
) -> MovingCamera:
    one = np.ones(frames)
    return MovingCamera(1280, 720, focal * one, np.tile([0.0, 0.0, 1.5], (frames, 1)), pan * one, tilt * one)


def people(*places: tuple[float, float], frames: int = 1) -> ScenePeople:
    """People of 1.8 by 0.6 metres at (right, ahead) metres."""
    n = len(places)
    one = np.ones((frames, n))
    return ScenePeople(np.tile(np.array(places), (frames, 1, 1)), 1.8 * one, 0.6 * one, one > 0, 0 * one)


def test_box_is_the_pinhole_projection_of_the_person() -> None:
    for depth in (5.0, 12.0):
        truth = film("s", np.zeros(1), people((1.0, depth)), camera(), np.random.default_rng(0)).truth
        left, top, right, bottom = truth.xyxy[0]
        assert right - left == pytest.approx(800 * 0.6 / depth)
        assert bottom - top == pytest.approx(800 * 1.8 / depth)
        assert (left + right) / 2 == pytest.approx(640 + 800 * 1.0 / depth)
        assert bottom == pytest.approx(360 + 800 * 1.5 / depth)


def test_pan_shifts_people_the_other_way_and_tilt_raises_them() -> None:
    plain, turned, low = (
        film("s", np.zeros(1), people((0.0, 10.0)), c, np.random.default_rng(0)).truth.xyxy[0]
        for c in (camera(), camera(pan=0.05), camera(tilt=0.05))
    )
    assert turned[0] - plain[0] == pytest.approx(-800 * np.tan(0.05), abs=0.5)
    assert low[3] - plain[3] == pytest.approx(-800 * 0.05, abs=3)


def test_nearer_people_hide_farther_ones() -> None:
    truth = film("s", np.zeros(1), people((0.0, 5.0), (0.0, 8.0), (2.0, 8.0)), camera(), np.random.default_rng(0)).truth
    seen = dict(zip(truth.id.tolist(), truth.score.tolist(), strict=True))
    assert seen[1] == seen[3] == 1
    assert seen.get(2, 0.0) < 0.3
    boxes = np.array([[0.0, 0, 10, 10], [5.0, 0, 15, 10]])
    assert visible_share(boxes, np.array([1.0, 2.0])).tolist() == [1.0, 0.625]  # a body is three quarters of its box


def test_people_behind_the_camera_or_outside_have_no_box() -> None:
    truth = film(
        "s", np.zeros(1), people((0.0, -5.0), (40.0, 8.0), (0.0, 8.0)), camera(), np.random.default_rng(0)
    ).truth
    assert truth.id.tolist() == [3]


def test_measured_motion_carries_a_standing_person_along() -> None:
    moved = camera(2, pan=np.array([0.0, 0.02]), focal=np.array([800.0, 820.0]))
    found = film("s", np.array([0.0, 0.1]), people((0.5, 9.0), frames=2), moved, np.random.default_rng(1))
    (_, before, _), (_, after, _) = found.truth.at(0), found.truth.at(1)
    centre = (before[0, :2] + before[0, 2:]) / 2
    assert found.warps[1] @ [*centre, 1] == pytest.approx((after[0, :2] + after[0, 2:]) / 2, abs=4)
    assert abs(after - before).max() > 10
    assert (
        film("s", np.array([0.0, 0.1]), people((0.5, 9.0), frames=2), camera(2), np.random.default_rng(1)).warps == {}
    )
