"""A still, panning or hand-held camera before an image."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.simulation.camera import simulate_camera
from models.errors import DataError
from tracker.types import Float64, UInt8

BOX = np.array([[60.0, 40.0, 110.0, 90.0], [0.0, 0.0, 20.0, 30.0]])
NAMES = [f"{k}.jpg" for k in range(12)]  # all three cameras are among them


def _picture() -> UInt8:
    """A bright box in the middle of a dark image."""
    bgr = np.full((120, 160, 3), 30, np.uint8)
    bgr[40:90, 60:110] = 220
    return bgr


def _bright(bgr: UInt8) -> Float64:
    bright = bgr[:, :, 1] > 125
    rows, columns = bright.sum(axis=1) > 20, bright.sum(axis=0) > 20
    y, x = rows.nonzero()[0], columns.nonzero()[0]
    return np.array([x[0], y[0], x[-1] + 1, y[-1] + 1], np.float64)


@pytest.mark.parametrize("name", NAMES)
def test_simulated_camera_moves_truth_with_the_pixels(name: str) -> None:
    for view in simulate_camera(_picture(), BOX, name, frames=6, rate=4):
        assert view.bgr.shape == (120, 160, 3)
        assert np.abs(_bright(view.bgr) - view.xyxy[0]).max() <= 2


def test_simulated_cameras_are_static_or_moving() -> None:
    paths = [np.stack([v.xyxy[0] for v in simulate_camera(_picture(), BOX, n, frames=10)]) for n in NAMES]
    moved = [float(np.abs(path - path[0]).max()) for path in paths]
    assert 0 in moved
    assert max(moved) > 5


@pytest.mark.parametrize("name", NAMES)
def test_visible_fraction_is_relative_to_the_unclipped_box(name: str) -> None:
    """The box in the corner leaves the image as soon as the camera sees less than all of it."""
    for view in simulate_camera(_picture(), BOX, name, frames=6, rate=4):
        scale = np.sqrt((view.xyxy[0, 2:] - view.xyxy[0, :2]).prod() / 50**2)
        area = np.maximum(view.xyxy[:, 2:] - view.xyxy[:, :2], 0).prod(axis=1)
        np.testing.assert_allclose(view.visible, area / (np.array([2500.0, 600.0]) * scale**2), atol=0.02)
        assert (view.xyxy >= 0).all()
        assert (view.xyxy <= [160, 120, 160, 120]).all()


def test_simulated_camera_is_reproducible() -> None:
    def pixels(name: str, seed: int) -> bytes:
        return b"".join(v.bgr.tobytes() for v in simulate_camera(_picture(), BOX, name, frames=3, seed=seed))

    assert pixels("a.jpg", 0) == pixels("a.jpg", 0)
    assert len({pixels("a.jpg", 0), pixels("a.jpg", 1), pixels("b.jpg", 0)}) == 3


def test_image_without_boxes_is_simulated() -> None:
    (view,) = simulate_camera(_picture(), np.zeros((0, 4)), "a.jpg", frames=1)
    assert view.xyxy.shape == (0, 4)


@pytest.mark.parametrize(("frames", "rate"), [(0, 25.0), (3, 0.0), (3, float("nan"))])
def test_invalid_frame_count_or_rate_is_one_sentence(frames: int, rate: float) -> None:
    with pytest.raises(DataError, match="are no video"):
        next(simulate_camera(_picture(), BOX, "a.jpg", frames, rate))
