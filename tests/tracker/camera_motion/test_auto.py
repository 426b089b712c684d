"""Camera motion by itself: found where the background moves, and nowhere else; frames of a camera that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import cv2
import numpy as np
import pytest

from tracker.camera_motion import AutoCameraMotion, SparseCameraMotion
from tracker.types import Detections, Float64, Frame, UInt8

SIZE = 320, 240
RATE = 25.0
Change = Callable[[UInt8, int], UInt8]


@cache
def world(seed: int = 0) -> UInt8:
    """(480, 960) a wall with texture of several sizes."""
    rng, whole = np.random.default_rng(seed), np.zeros((480, 960), np.float32)
    for cell, share in ((48, 0.4), (16, 0.4), (6, 0.2)):
        noise = rng.uniform(0, 255, (480 // cell + 1, 960 // cell + 1)).astype(np.float32)
        whole += share * cv2.resize(noise, (960, 480), interpolation=cv2.INTER_LINEAR)
    return whole.astype(np.uint8)


def view(camera: Float64, seed: int = 0) -> UInt8:
    """The image of a camera: an affine from the pixels of the world to those of the image."""
    grey = cv2.warpAffine(world(seed), camera, SIZE, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    return cv2.merge([grey] * 3).astype(np.uint8)


def shifted(x: float, y: float = 0.0, zoom: float = 1.0) -> Float64:
    return np.array([[zoom, 0, -300.0 - x], [0, zoom, -100.0 - y]])


def film(cameras: Sequence[Float64], change: Change = lambda image, k: image, rate: float = RATE) -> list[Frame]:
    return [Frame(change(view(camera), k), k, k / rate) for k, camera in enumerate(cameras)]


def run(frames: Sequence[Frame], motion: AutoCameraMotion | None = None) -> list[Float64 | None]:
    motion = motion or AutoCameraMotion()
    return [motion(frame, Detections.empty()) for frame in frames]


def noise(image: UInt8, k: int) -> UInt8:
    rng = np.random.default_rng(k)
    return (image + rng.normal(0, 6, image.shape)).clip(0, 255).astype(np.uint8)


def flicker(image: UInt8, k: int) -> UInt8:
    return (image * (1.0, 0.6, 0.8)[k % 3]).astype(np.uint8)


def dark(image: UInt8, k: int) -> UInt8:
    return noise((image * 0.02).astype(np.uint8), k)


def train(image: UInt8, k: int) -> UInt8:
    """Something with texture passes through two thirds of the image, at 6 pixels a frame."""
    image = image.copy()
    image[40:200] = cv2.merge([world(7)[40:200, 6 * k : 6 * k + SIZE[0]]] * 3)
    return image


def crowd(image: UInt8, k: int) -> UInt8:
    """Twenty things, each at its own speed."""
    image = image.copy()
    for n in range(20):
        x, y = int((n * 53 + (n % 7 - 3) * 2 * k) % (SIZE[0] - 30)), n * 9
        image[y : y + 60, x : x + 30] = cv2.merge([world(8)[y : y + 60, n * 40 : n * 40 + 30]] * 3)
    return image


def cut(image: UInt8, k: int) -> UInt8:
    return view(shifted(0), 1 + k // 10)


def logo(image: UInt8, k: int) -> UInt8:
    image = image.copy()
    cv2.putText(image, "12:34:56 CAM 3", (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    cv2.rectangle(image, (230, 200), (310, 230), (0, 0, 0), 3)
    return image


@pytest.mark.parametrize("change", [noise, flicker, dark, train, crowd, cut, logo])
def test_no_motion_is_estimated_while_the_camera_stands_still(change: Change) -> None:
    motion = AutoCameraMotion()
    assert all(warp is None for warp in run(film([shifted(0)] * 75, change), motion))
    assert motion.estimates == 0
    if change in (noise, logo):
        assert motion.checks <= 3 + 75 / 5


@pytest.mark.parametrize(
    "camera",
    [
        lambda k: shifted(2.0 * k, 0.5 * k),
        lambda k: shifted(0.25 * k),  # slow: it shows only over several frames
        lambda k: shifted(12.0 * k),  # fast: nothing can be followed over more than a frame or two
        lambda k: shifted(1.6 * k, 1.2 * k, 1 + 0.005 * k),
        lambda k: shifted(3 * np.sin(2.1 * k), 2 * np.sin(2.9 * k)),
    ],
)
@pytest.mark.parametrize("change", [noise, logo])
def test_motion_is_found_and_estimated(camera: Callable[[int], Float64], change: Change) -> None:
    cameras = [camera(k) for k in range(40)]
    warps = run(film(cameras, change))
    first = next(k for k, warp in enumerate(warps) if warp is not None)
    assert first <= 10
    corners = np.array([[0, 0, 1], [SIZE[0], 0, 1], [0, SIZE[1], 1], [*SIZE, 1]])
    for k in range(first, 40):
        true = np.vstack([cameras[k], [0, 0, 1]]) @ np.linalg.inv(np.vstack([cameras[k - 1], [0, 0, 1]]))
        warp = warps[k]
        assert warp is not None
        np.testing.assert_allclose(corners @ warp.T, corners @ true[:2].T, atol=1.0)


def pan(k: int) -> Float64:
    """Still for a second, a pan of a second, and still."""
    return shifted(3.0 * min(max(k - 25, 0), 25))


def test_estimate_begins_with_the_motion_and_ends_some_time_after_it() -> None:
    warps = run(film([pan(k) for k in range(125)], noise))
    known = [k for k, warp in enumerate(warps) if warp is not None]
    assert 25 < known[0] <= 33
    assert known == list(range(known[0], known[-1] + 1))
    assert 50 + 2 * RATE <= known[-1] <= 50 + 2.6 * RATE


def test_frames_at_few_and_at_many_a_second_are_checked_alike() -> None:
    checks = []
    for rate in (5.0, 100.0):
        motion = AutoCameraMotion()
        run(film([shifted(0)] * 75, rate=rate), motion)
        checks.append(motion.checks)
    assert checks[1] < checks[0] <= 3 + 75 / 5


def test_same_frames_give_the_same_motion() -> None:
    frames = film([pan(k) for k in range(40)], noise)
    first, second = run(frames), run(frames)
    assert [None if w is None else w.tolist() for w in first] == [None if w is None else w.tolist() for w in second]


def test_tiny_blank_and_changing_images_are_taken() -> None:
    motion = AutoCameraMotion()
    sizes = [(1, 1), (1, 1), (3, 900), (3, 900), (900, 3), (20, 30), (20, 30), (240, 320), (120, 160)]
    for k, size in enumerate(sizes):
        image = np.full((*size, 3), 90, np.uint8)
        image[: min(size) // 4, : min(size) // 4] = 200
        assert motion(Frame(image, k, k / RATE), Detections.empty()) is None


def test_detected_objects_are_no_background() -> None:
    """An object that fills most of the image and was detected: the corners beside it decide."""
    boxes = Detections.of([[0, 0, 320, 200, 0.9, 0]], ("bus",))

    def bus(image: UInt8, k: int) -> UInt8:
        image = image.copy()
        image[:200] = cv2.merge([world(9)[:200, 5 * k : 5 * k + SIZE[0]]] * 3)
        return image

    frames = film([shifted(0)] * 40, bus)
    motion = AutoCameraMotion()
    assert all(motion(frame, boxes) is None for frame in frames)


def test_frames_on_demand_are_fetched_rarely_while_the_camera_stands_still() -> None:
    motion = SparseCameraMotion()
    frames = film([shifted(0)] * 150, noise)
    for block in (slice(0, 70), slice(70, 150)):
        part = frames[block]
        warps = motion([frame.time for frame in part], part.__getitem__)
        assert all(warp is None for warp in warps)
    assert motion.fetched <= 3 + 150 / 12


def test_frames_on_demand_get_the_motion_since_its_beginning() -> None:
    frames = film([pan(k) for k in range(60)], noise)
    warps = SparseCameraMotion()([frame.time for frame in frames], frames.__getitem__)
    shifts = [0.0 if warp is None else float(warp[0, 2]) for warp in warps]
    assert shifts[26:51] == pytest.approx([-3.0] * 25, abs=0.3)
    assert max(map(abs, shifts[:26] + shifts[51:])) < 0.3
