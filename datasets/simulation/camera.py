"""A picture as video: what a still, a panning or a hand-held camera sees of it, with noise and compression.

Nothing in the picture moves; the camera does, and every frame has its own noise. So detections come and go as in real
video, and the truth is known in every frame.
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
ZOOM = 0.7, 1.0  # share of the picture's sides that the camera sees at its start and at its end
ZOOM_STILL = 0.75, 1.0  # of a still camera
SHAKE_S = 0.3  # time constant of a hand, seconds (an Ornstein-Uhlenbeck process)
SHAKE = 0.1  # its standard deviation, as a share of the room that the camera has
NOISE = 1.0, 6.0  # standard deviation of a pixel, grey levels
LIGHT = 0.1  # how far the light goes up and down, as a share
LIGHT_HZ = 0.5  # how often at most
QUALITY = 60, 90  # of JPEG


@dataclass(frozen=True, eq=False, slots=True)
class CameraView:
    """One frame.

    Attributes:
        bgr: (H, W, 3), of the picture's size.
        xyxy: (N, 4) float64, the boxes where they are now, cut at the picture's edge, pixels; without area where they
            are outside.
        visible: (N,) float64, the share of each box that is inside, 0..1.
    """

    bgr: UInt8
    xyxy: Float64
    visible: Float64


def simulate_camera(
    bgr: UInt8, xyxy: Float64, name: str, frames: int = 40, rate: float = 25.0, seed: int = 0
) -> Iterator[CameraView]:
    """The frames that a camera sees of a picture; how it moves follows from the seed and the picture's name alone.

    Args:
        bgr: the picture, (H, W, 3).
        xyxy: (N, 4) boxes in it, pixels.
        name: the picture's.
        frames: how many, 1 or more.
        rate: frames a second.
        seed: of the drawing.

    Raises:
        DataError: there is no frame to show, or no time between two.
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
    """(F,) the share of the picture's sides that is seen, and (F, 2) where in the room that is left, 0..1."""
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
