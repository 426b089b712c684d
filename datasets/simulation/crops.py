"""Simulated crops of one object over time, made from one image of it, as a tracker's boxes would cut them from video.

The degradations follow Ornstein-Uhlenbeck processes in seconds, so that crops close in time are degraded similarly.
They are: size, box error, blur, brightness, a passing occluder, truncation at the frame's edge, and boxes that hold
another object for a while.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from datasets.simulation.detector_noise import Rng
from tracker.types import Bool, Float64, UInt8

MARGIN = 0.3  # share of the image's sides that is mirrored around it, for boxes that extend beyond the image
SIZES = (18.0, 220.0)  # side of an object in the video, pixels: minimum, maximum; log-uniform


@dataclass(frozen=True, eq=False, slots=True)
class Course:
    """Degradations of an object's crops at T times.

    Attributes:
        time: (T,) seconds, increasing.
        side: (T,) side of the object's box, pixels.
        shift: (T, 2) offset of the box from the object, in sides of the object.
        zoom: (T,) side of the box divided by that of the object.
        blur: (T,) length of the motion blur, in sides of the box.
        angle: (T,) direction of the motion blur, radians.
        light: (T,) factor on the pixel values.
        noise: standard deviation of the camera's noise, grey levels.
        cover: (T,) occluded share of the box.
        front: (T,) direction of the occluded side, radians.
        cut: (T,) share of the box beyond the frame's edge.
        wrong: (T,) bool, whether the box holds another object.
        score: (T,) simulated detection score, 0..1.
        strangers: (T,) bool, whether the occluder is itself tracked, so that its box reveals the occlusion.
    """

    time: Float64
    side: Float64
    shift: Float64
    zoom: Float64
    blur: Float64
    angle: Float64
    light: Float64
    noise: float
    cover: Float64
    front: Float64
    cut: Float64
    wrong: Bool
    score: Float64
    strangers: Bool


def draw_course(rng: Rng, time: Float64) -> Course:
    """Draws the degradations of one object's crops at `time` (T,) seconds."""
    n = len(time)
    side = np.exp(rng.uniform(*np.log(SIZES)) + 0.35 * wander(rng, time, 1.0))
    blur = np.maximum(rng.uniform(0, 0.12) * (wander(rng, time, 0.4) - rng.uniform(-0.5, 1.0)), 0)
    dark = rng.uniform(0, 1.6) * (rng.random() < 0.35)
    light = np.exp(-np.maximum(dark + 0.25 * wander(rng, time, 1.0), -0.3))
    cover = _passing(rng, time) * (rng.random() < 0.5)
    cut = np.clip(rng.uniform(0, 0.5) * (wander(rng, time, 1.0) - 0.3), 0, 0.6) * (rng.random() < 0.3)
    wrong = np.zeros(n, bool)
    if rng.random() < 0.3:
        start = rng.uniform(time[0] - 0.3, time[-1])
        wrong = (time >= start) & (time < start + rng.exponential(0.4) + 0.05)
        if wrong.mean() > 0.5:  # a sequence that mostly shows another object would have that object's class
            wrong[:] = False
    told = np.full(n, rng.random() < 0.6)
    trouble = (
        1.6 * cover
        + 1.2 * cut
        + 6 * blur
        + 0.8 * np.maximum(np.log(40 / side), 0)
        + 0.35 * np.maximum(-np.log(light) - 0.7, 0)
    )
    logit = rng.normal(2.0, 0.7) - 1.5 * trouble + 0.6 * wander(rng, time, 0.3) - 0.4 * wrong
    return Course(
        time=time,
        side=np.clip(side, 8, 400),
        shift=0.07 * np.stack([wander(rng, time, 0.25) for _ in range(2)], 1),
        zoom=np.exp(rng.normal(0.05, 0.15) + 0.1 * wander(rng, time, 0.25)),
        blur=blur,
        angle=rng.uniform(0, np.pi) + 0.6 * wander(rng, time, 0.5),
        light=light,
        noise=float(rng.uniform(0, 8)),
        cover=cover,
        front=rng.uniform(0, 2 * np.pi) + 0.3 * wander(rng, time, 1.0),
        cut=cut,
        wrong=wrong,
        score=1 / (1 + np.exp(-logit)),
        strangers=told,
    )


def wander(rng: Rng, time: Float64, tau: float) -> Float64:
    """(T,) an exact Ornstein-Uhlenbeck process of mean 0, variance 1 and time constant `tau` seconds."""
    keep = np.exp(-np.diff(time, prepend=time[0] - 100 * tau) / tau)
    drawn = rng.normal(size=len(time)) * np.sqrt(1 - keep**2)
    out = np.zeros(len(time))
    for k, (share, fresh) in enumerate(zip(keep.tolist(), drawn.tolist(), strict=True)):
        out[k] = share * out[k - 1] + fresh
    return out


def _passing(rng: Rng, time: Float64) -> Float64:
    """(T,) occluded share while an occluder comes, stays and goes."""
    middle, length = rng.uniform(time[0], time[-1]), rng.uniform(0.2, 2.0)
    depth = rng.uniform(0.2, 0.9)
    out: Float64 = depth * np.clip(2 - 2 * np.abs(time - middle) / length, 0, 1)
    return out


def show(bgr: UInt8, course: Course, k: int, front: UInt8, other: UInt8, rng: Rng) -> UInt8:
    """Crop `k` of the object in `bgr`, at its size in the video, (h, w, 3).

    Args:
        bgr: (S, S, 3) image of the object, which fills its true box.
        front: image of the occluder.
        other: image of the object in wrong boxes.
    """
    picture = other if course.wrong[k] else bgr
    size = picture.shape[0]
    pad = round(size * MARGIN)
    canvas = cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
    half = course.zoom[k] * size / 2
    x, y = size / 2 + pad + course.shift[k] * size
    left, top = max(0, round(x - half)), max(0, round(y - half))
    right, bottom = min(len(canvas), round(x + half)), min(len(canvas), round(y + half))
    view: UInt8 = np.asarray(canvas[top:bottom, left:right], np.uint8).copy()
    if course.cover[k] > 0.02:
        _cover(view, front, float(course.cover[k]), float(course.front[k]))
    if course.cut[k] > 0.02:
        view = view[:, : max(8, round(view.shape[1] * (1 - float(course.cut[k]))))]
    scale = float(course.side[k]) / size
    width, height = (max(4, round(v * scale)) for v in view.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(view, (width, height), interpolation=how)
    if (smear := float(course.blur[k]) * max(width, height)) > 1:
        small = cv2.filter2D(small, -1, _line(smear, float(course.angle[k])))
    noisy = small * course.light[k] + rng.normal(0, course.noise, small.shape) * (course.noise > 0)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def _cover(view: UInt8, front: UInt8, share: float, direction: float) -> None:
    """Covers the given share of the crop with `front`, from one side."""
    height, width = view.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    depth = (x / width - 0.5) * np.cos(direction) + (y / height - 0.5) * np.sin(direction)
    hidden = depth > np.quantile(depth, 1 - min(share, 0.97))
    view[hidden] = cv2.resize(front, (width, height), interpolation=cv2.INTER_AREA)[hidden]


def _line(length: float, angle: float) -> Float64:
    """A motion-blur kernel: a line of `length` pixels at `angle` radians."""
    size = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((size, size))
    middle = size // 2
    dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    steps = np.linspace(-1, 1, 4 * size)
    rows, columns = np.rint(middle + dy * steps).astype(int), np.rint(middle + dx * steps).astype(int)
    np.add.at(kernel, (rows, columns), 1.0)
    return np.asarray(kernel / kernel.sum(), np.float64)
