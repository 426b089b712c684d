"""The camera's motion from pixels, against a motion that is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tracker.camera_motion import FlowCameraMotion
from tracker.types import Detections, Frame


def picture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), np.uint8)
    return cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(
    "truth",
    [
        np.array([[1, 0, 7.5], [0, 1, -4.25]]),
        np.array([[1.02, 0, -3], [0, 1.02, 2]]),
        np.hstack([cv2.getRotationMatrix2D((320, 240), 2.0, 1.0)]),
    ],
)
def test_shift_zoom_and_rotation_are_estimated_despite_a_moving_object(truth: np.ndarray) -> None:
    before = picture(1)
    after = cv2.warpAffine(before, truth, (640, 480), borderMode=cv2.BORDER_REFLECT)
    thing = picture(2)[:200, :150]
    before[100:300, 100:250] = thing
    after[140:340, 160:310] = thing
    motion = FlowCameraMotion()
    box = Detections(np.array([[100, 100, 250, 300]]), np.array([1.0]), np.array([0]))
    assert motion(Frame(before, 0, 0.0), box) is None
    found = motion(Frame(after, 1, 0.1), box)
    assert found is not None
    corners = np.array([[0, 0, 1], [640, 0, 1], [0, 480, 1], [640, 480, 1]])
    np.testing.assert_allclose(corners @ found.T, corners @ truth.T, atol=1.0)


def test_textureless_image_gives_no_camera_motion() -> None:
    motion = FlowCameraMotion()
    blank = np.full((480, 640, 3), 90, np.uint8)
    for index in range(2):
        assert motion(Frame(blank, index, index / 10), Detections.empty()) is None
