"""Video simulated from one image: a still, panning or hand-held camera, with noise and compression.

The objects in the image stand still. The camera moves, and every frame has its own noise. Detections therefore appear
and disappear as in real video, and ground truth is known in every frame.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from models.errors import DataError
from tracker.types import Float64, UInt8

STILL, PANNING, HAND_HELD = range(3)
ZOOM = 0.7, 1.0  # share of the image's sides that the camera sees in its first and last frame
ZOOM_STILL = 0.75, 1.0  # the same range for a still camera
SHAKE_S = 0.3  # time constant of the hand's shake, seconds (an Ornstein-Uhlenbeck process)
SHAKE = 0.1  # standard deviation of the shake, as a share of the room that the crop has to move in
NOISE = 1.0, 6.0  # standard deviation of the pixel noise, grey levels: minimum, maximum
LIGHT = 0.1  # amplitude of the brightness changes, as a share
LIGHT_HZ = 0.5  # largest frequency of the brightness changes, hertz
QUALITY = 60, 90  # JPEG quality: minimum, maximum


@dataclass(frozen=True, eq=False, slots=True)
class CameraView:
    """One frame.

    Attributes:
        bgr: (H, W, 3), of the image's size.
        xyxy: (N, 4) float64, the boxes in this frame, clipped at its edges, pixels. The area is 0 for a box outside.
        visible: (N,) float64, the share of each box that is inside the frame, 0..1.
    """

    bgr: UInt8
    xyxy: Float64
    visible: Float64


def simulate_camera(
    bgr: UInt8, xyxy: Float64, name: str, frames: int = 40, rate: float = 25.0, seed: int = 0
) -> Iterator[CameraView]:
    """Frames of a camera that moves over an image. The motion depends only on the seed and the image's name.

    Args:
        bgr: the image, (H, W, 3).
        xyxy: (N, 4) boxes in the image, pixels.
        name: name of the image.
        frames: number of frames, 1 or more.
        rate: frames a second.
        seed: seed of the random numbers.

    Raises:
        DataError: the number of frames is below 1, or there is no time between two frames.
    """
    if frames < 1 or not rate > 0:
        raise DataError(f"{name}: {frames} frames at {rate} a second are no video; give 1 or more, above 0 a second.")
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    height, width = bgr.shape[:2]
    scale, place = _path(rng, frames, rate)
    noise = rng.uniform(*NOISE)
    time = np.arange(frames) / rate
    light = 1 + LIGHT * np.sin(2 * np.pi * (rng.random() + time * rng.uniform(0, LIGHT_HZ)))
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*QUALITY))]
    side, limit = np.array([width, height], np.float64), np.array([width, height] * 2, np.float64)
    area = np.maximum((xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1), 1e-6)
    for s, at, brightness in zip(scale, place, light, strict=True):
        corner = at * (1 - s) * side
        map_ = np.array([[1 / s, 0, -corner[0] / s], [0, 1 / s, -corner[1] / s]])
        seen = cv2.warpAffine(bgr, map_, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        noisy = np.clip(seen * brightness + rng.normal(0, noise, seen.shape), 0, 255).astype(np.uint8)
        code = cv2.imencode(".jpg", noisy, quality)[1]
        inside = np.clip((xyxy - np.tile(corner, 2)) / s, 0, limit)
        visible = np.maximum(inside[:, 2:] - inside[:, :2], 0).prod(axis=1) * s**2 / area
        yield CameraView(np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8), inside, np.minimum(visible, 1))


def _path(rng: np.random.Generator, frames: int, rate: float) -> tuple[Float64, Float64]:
    """(F,) the visible share of the image's sides, and (F, 2) the crop's position in the remaining room, 0..1."""
    kind = rng.integers(3)
    along = np.linspace(0, 1, frames)
    first, last = [rng.uniform(*ZOOM_STILL)] * 2 if kind == STILL else rng.uniform(*ZOOM, 2)
    start, end = rng.random(2), rng.random(2)
    if kind == STILL:
        end = start
    scale = first + (last - first) * along
    place = start + (end - start) * along[:, None]
    if kind == HAND_HELD:
        place = place + SHAKE * _shake(rng, frames, rate)
    return scale, np.clip(place, 0, 1)


def _shake(rng: np.random.Generator, frames: int, rate: float) -> Float64:
    """(F, 2) an Ornstein-Uhlenbeck process of unit variance."""
    keep = np.exp(-1 / (rate * SHAKE_S))
    shake = rng.normal(size=(frames, 2))
    for k in range(1, frames):
        shake[k] = keep * shake[k - 1] + np.sqrt(1 - keep**2) * shake[k]
    return shake
