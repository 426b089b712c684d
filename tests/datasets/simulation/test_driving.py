"""Drawn drives: what a pinhole camera would see, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.simulation.driving import PERSON, Camera, RoadObjects, drive, look

CAMERA = Camera(focal=700, width=1200, height=400, above=1.5, horizon=200)


def blocks(*places: tuple[float, float]) -> RoadObjects:
    """Thin people at (right, ahead) metres."""
    n = len(places)
    return RoadObjects(np.tile([0.01, 0.6, 1.73], (n, 1)), np.array([places]), np.full((1, n), 0.0))


def seen(objects: RoadObjects, ahead: float = 0.0, heading: float = 0.0, pitch: float = 0.0):  # type: ignore[no-untyped-def]
    return look(objects, 0, np.array([0.0, ahead]), heading, pitch, CAMERA)


def test_box_is_the_pinhole_projection_of_the_block() -> None:
    for depth in (6.0, 12.0, 40.0):
        rows, xyxy, share = seen(blocks((2.0, depth)))
        assert rows.tolist() == [0]
        assert share.tolist() == [1.0]
        left, top, right, bottom = xyxy[0]
        assert right - left == pytest.approx(700 * 0.6 / depth, rel=0.01)
        assert bottom - top == pytest.approx(700 * 1.73 / depth, rel=0.01)
        assert (left + right) / 2 == pytest.approx(600 + 700 * 2 / depth, rel=0.01)
        assert bottom == pytest.approx(200 + 700 * 1.5 / depth, rel=0.01)


def test_approach_enlarges_a_box_and_turning_shifts_it_the_other_way() -> None:
    there = blocks((2.0, 20.0))
    far, near = seen(there)[1][0], seen(there, ahead=10.0)[1][0]
    assert (near[3] - near[1]) == pytest.approx(2 * (far[3] - far[1]), rel=0.01)
    assert seen(there, heading=0.05)[1][0, 0] == pytest.approx(far[0] - 700 * 0.05, abs=2)
    assert seen(there, pitch=0.01)[1][0, 3] == pytest.approx(far[3] + 7)


def test_blocks_behind_outside_or_occluded_have_no_box() -> None:
    rows, xyxy, share = seen(blocks((0.0, -5.0), (30.0, 10.0), (0.0, 10.0), (0.05, 20.0), (4.0, 20.0), (0.0, 90.0)))
    assert rows.tolist() == [2, 4]  # the fourth stands behind the third
    assert share.tolist() == [1.0, 1.0]
    rows, xyxy, share = seen(blocks((0.0, 10.0), (0.6, 20.0)))
    cover = (xyxy[0, 2] - xyxy[1, 0]) / (xyxy[1, 2] - xyxy[1, 0])
    assert share[1] == pytest.approx(1 - cover, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_simulated_drive_has_boxes_inside_the_image(seed: int) -> None:
    sequence, camera = drive(np.random.default_rng(seed), seconds=15.0)
    again, _ = drive(np.random.default_rng(seed), seconds=15.0)
    xyxy, truth = sequence.truth.xyxy, sequence.truth
    assert np.array_equal(xyxy, again.truth.xyxy)
    assert len(sequence.times) == 150
    assert (xyxy >= 0).all()
    assert (xyxy <= np.array([camera.width, camera.height] * 2)).all()
    assert (xyxy[:, 2:] > xyxy[:, :2]).all()
    assert ((truth.score > 0) & (truth.score <= 1)).all()
    assert all(len(set(truth.at(k)[0].tolist())) == len(truth.at(k)[0]) for k in range(150))
    assert len(set(truth.id.tolist())) > 10
    tall = (xyxy[:, 3] - xyxy[:, 1]) / (xyxy[:, 2] - xyxy[:, 0])
    assert (tall > PERSON[2] / PERSON[1] * 0.8).any()  # people
    assert (tall < 1).any()  # cars
