"""Training crops of single-object tracking: one object of a labelled image, seen again under other conditions.

Crops of one object are pairs of template and search region. What a video changes is drawn at random: position, scale,
aspect ratio, rotation, shape, light, blur, resolution, occlusion, background, and other objects beside it. The
background is exchanged by a soft ellipse around the object, because boxes have no masks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from tracker.single_object.search_region import CONTEXT, SIZE
from tracker.types import Float32, Float64, UInt8

MAX_SHIFT = 0.42  # of the crop's side: the object's centre stays inside
NODES = 5  # a side of the grid that bends an image
MAX_COVERED = 0.3  # share of another object's box that something may cover: the object is visible nevertheless
PRESHRINK = 0.6  # scale below which an image is reduced first: bilinear sampling alone would skip pixels

Background = Callable[[], UInt8]
Object = tuple[UInt8, Float32]  # an image and a box in it, (4,) pixels


@dataclass(frozen=True, slots=True)
class CropStrength:
    """How much a crop differs from its image.

    Attributes:
        shift: standard deviation of the object's offset from the middle, as a share of the crop's side.
        far: probability that the offset is uniform in the whole crop instead.
        zoom: range of the crop's side, as a factor on the nominal one.
        aspect: standard deviation of the logarithm of the change of aspect ratio.
        turn: standard deviation of the rotation, degrees.
        tumble: probability of any rotation.
        mirror: probability of a mirrored crop.
        light: size of changes of light and colour, 0..1.
        blur: probability of each blur: defocus, motion, low resolution.
        occlude: probability that something covers a part of the object.
        background: probability of another background.
        other: probability of another object beside it.
        bend: largest standard deviation of a smooth displacement of all pixels, in sides of the object.
    """

    shift: float = 0.05
    far: float = 0.0
    zoom: tuple[float, float] = (0.9, 1.12)
    aspect: float = 0.0
    turn: float = 0.0
    tumble: float = 0.0
    mirror: float = 0.0
    light: float = 0.2
    blur: float = 0.03
    occlude: float = 0.0
    background: float = 0.0
    other: float = 0.0
    bend: float = 0.0


TEMPLATE = CropStrength()
SEARCH = CropStrength(0.1, 0.45, (0.65, 1.9), 0.15, 12.0, 0.08, 0.12, 0.7, 0.18, 0.2, 0.25, 0.3, 0.1)
FRAME = CropStrength(0.1, 0.45, (0.65, 1.9), 0.06, 5.0, 0.03, 0.0, 0.4, 0.12, 0.1, 0.05, 0.25, 0.04)  # of a video


@dataclass(frozen=True, eq=False, slots=True)
class TargetCrop:
    """A crop that shows an object.

    Attributes:
        bgr: (SIZE, SIZE, 3) uint8.
        xyxy: (4,) float32, the object's box in the crop, pixels.
        around: (K, 4) float32, boxes of the other objects of the image; NaN where they are not visible.
    """

    bgr: UInt8
    xyxy: Float32
    around: Float32


def crop_target(
    bgr: UInt8,
    xyxy: Float32,
    strength: CropStrength,
    rng: np.random.Generator,
    background: Background | None = None,
    other: Callable[[], Object] | None = None,
    around: Float32 | None = None,
) -> TargetCrop:
    """One crop of the object in `xyxy`.

    Args:
        bgr: (H, W, 3) the image.
        xyxy: (4,) box of the object, pixels, with an area.
        strength: how much the crop differs from the image.
        rng: random numbers.
        background: draws images for other backgrounds and for occluding patches.
        other: draws other objects, as an image and a box.
        around: (K, 4) boxes of the other objects of the image, pixels.
    """
    s = strength
    size = np.maximum(np.asarray(xyxy[2:] - xyxy[:2], np.float64), 1)
    zoom = math.exp(rng.uniform(*np.log(s.zoom)))
    scale = SIZE / (CONTEXT * math.sqrt(size.prod()) * zoom)
    squeeze = rng.normal(0, s.aspect)
    angle = rng.uniform(-180, 180) if rng.random() < s.tumble else rng.normal(0, s.turn) if s.turn else 0.0
    shift = rng.uniform(-MAX_SHIFT, MAX_SHIFT, 2) if rng.random() < s.far else rng.normal(0, s.shift, 2)
    middle = SIZE * (0.5 + np.clip(shift, -MAX_SHIFT, MAX_SHIFT))
    linear = _linear(scale, squeeze, angle, rng.random() < s.mirror)
    crop, padding = _warp(bgr, xyxy, linear, middle)
    half = size / 2 * scale * np.exp([squeeze, -squeeze])
    boxes = np.concatenate([xyxy[None], np.zeros((0, 4)) if around is None else around]).astype(np.float64)
    points = (_ellipses(boxes) - (boxes[0, :2] + boxes[0, 2:]) / 2) @ linear.T + middle
    exchange = s.background and rng.random() < max(s.background, 0.7 * padding)
    if exchange and background is not None:
        base = _window(background(), rng)
        cover = _ellipse(middle, half * rng.uniform(1.0, 1.2), angle)
        crop = _blend(base, crop, cover)
        points[1:] = np.nan
    if s.bend:
        crop, points = _bend(crop, points, middle, rng.uniform(0, s.bend) * scale * math.sqrt(size.prod()), rng)
    places = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    middle, reach = (places[0, :2] + places[0, 2:]) / 2, (places[0, 2:] - places[0, :2]) / 2
    covers = []
    if other is not None and rng.random() < s.other:
        crop, cover_box = _beside(crop, other(), middle, reach, scale * math.sqrt(size.prod()), rng)
        covers.append(cover_box)
    if background is not None and rng.random() < s.occlude:
        crop, cover_box = _occlude(crop, _window(background(), rng), middle, reach, rng)
        covers.append(cover_box)
    crop = photometric(crop, s.light, s.blur, rng)
    return TargetCrop(crop, places[0].astype(np.float32), _visible(places[1:], covers).astype(np.float32))


def photometric(bgr: UInt8, light: float, blur: float, rng: np.random.Generator) -> UInt8:
    """An image with other light, colour, sharpness, resolution and noise."""
    if rng.random() < blur:  # low resolution: an object of few pixels
        share = 1 / rng.uniform(1.5, 6)
        small = cv2.resize(bgr, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        bgr = np.asarray(cv2.resize(small, bgr.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    if rng.random() < blur:
        bgr = np.asarray(cv2.GaussianBlur(bgr, (0, 0), rng.uniform(0.5, 3)), np.uint8)
    if rng.random() < blur:
        bgr = np.asarray(cv2.filter2D(bgr, -1, _streak(rng)), np.uint8)
    gain = math.exp(rng.normal(0, 0.3 * light)) * np.exp(rng.normal(0, 0.1 * light, 3))
    out = (bgr.astype(np.float32) - 110) * np.float32(math.exp(rng.normal(0, 0.25 * light))) + 110
    out = out * gain.astype(np.float32) + np.float32(rng.normal(0, 25 * light))
    if rng.random() < 0.08 * light:
        out = np.repeat(out.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.3 * light:
        out += rng.normal(0, rng.uniform(2, 10), out.shape).astype(np.float32)
    return np.asarray(np.clip(out, 0, 255), np.uint8)


def _linear(scale: float, squeeze: float = 0.0, angle: float = 0.0, mirror: bool = False) -> Float64:
    """(2, 2) from offsets in the image to offsets in the crop; the angle in degrees."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    stretch = np.diag(scale * np.exp([squeeze, -squeeze]) * [-1 if mirror else 1, 1])
    return np.array([[c, -s], [s, c]]) @ stretch


def _ellipses(boxes: Float64) -> Float64:
    """(K, 4) boxes -> (K, 64, 2) points of the ellipses in them: a turned object is more like these than like a box."""
    angle = np.arange(64) * (2 * math.pi / 64)
    way = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    return np.asarray((low + high) / 2 + (high - low) / 2 * way)


def _bend(
    crop: UInt8, points: Float64, middle: Float64, size: float, rng: np.random.Generator
) -> tuple[UInt8, Float64]:
    """A crop and points in it after a smooth displacement of standard deviation `size` pixels, 0 at `middle`."""
    nodes = rng.normal(0, size, (NODES, NODES, 2)).astype(np.float32)
    shift = cv2.resize(nodes, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    shift -= shift[tuple(np.clip(middle[::-1], 0, SIZE - 1).astype(int))]
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    bent = cv2.remap(crop, x + shift[..., 0], y + shift[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    column, row = np.clip(np.nan_to_num(points), 0, SIZE - 1).astype(int).transpose(2, 0, 1)
    return np.asarray(bent, np.uint8), points - shift[row, column]


def _visible(boxes: Float64, covers: list[Float64]) -> Float64:
    """Boxes (K, 4), NaN where the middle lies outside the crop or one of `covers` (4,) covers too much."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    seen = np.asarray(((middle > 0) & (middle < SIZE)).all(axis=1))
    for cover in covers:
        shared = np.minimum(boxes[:, 2:], cover[2:]) - np.maximum(boxes[:, :2], cover[:2])
        seen &= np.maximum(shared, 0).prod(axis=1) <= MAX_COVERED * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.where(seen[:, None], boxes, np.nan)


def _warp(bgr: UInt8, xyxy: Float32, linear: Float64, middle: Float64) -> tuple[UInt8, float]:
    """The crop, with the border of the image repeated, and the share of it that is border."""
    centre = (np.asarray(xyxy[:2], np.float64) + xyxy[2:]) / 2
    scale = math.sqrt(abs(float(np.linalg.det(linear))))
    if scale < PRESHRINK and min(bgr.shape[:2]) * scale > 4:
        before = np.array(bgr.shape[1::-1])
        bgr = np.asarray(cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        centre, linear = centre * (np.array(bgr.shape[1::-1]) / before), linear / scale
    affine = np.column_stack([linear, middle - 0.5 - linear @ (centre - 0.5)])
    crop = cv2.warpAffine(bgr, affine, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    corners = np.array([[0, 0], [SIZE, 0], [0, SIZE], [SIZE, SIZE], [SIZE / 2, 0], [0, SIZE / 2],
                        [SIZE, SIZE / 2], [SIZE / 2, SIZE], [SIZE / 2, SIZE / 2]])  # fmt: skip
    source = (corners - middle) @ np.linalg.inv(linear).T + centre
    outside = ((source < 0) | (source > bgr.shape[1::-1])).any(axis=1)
    return np.asarray(crop, np.uint8), float(outside.mean())


def _window(bgr: UInt8, rng: np.random.Generator) -> UInt8:
    """A random square of an image, (SIZE, SIZE, 3)."""
    height, width = bgr.shape[:2]
    side = max(int(min(height, width) * rng.uniform(0.5, 1)), 2)
    y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    return np.asarray(cv2.resize(bgr[y : y + side, x : x + side], (SIZE, SIZE)), np.uint8)


def _ellipse(middle: Float64, half: Float64, angle: float = 0.0) -> Float32:
    """(SIZE, SIZE) 1 in a rounded box, falling softly to 0 around it."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32) + 0.5
    x, y = x - np.float32(middle[0]), y - np.float32(middle[1])
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    across, down = (c * x + s * y) / half[0], (c * y - s * x) / half[1]
    radius = (across**4 + down**4) ** np.float32(0.25)
    return np.asarray(np.clip((1.1 - radius) / 0.2, 0, 1), np.float32)


def _blend(base: UInt8, top: UInt8, cover: Float32) -> UInt8:
    c = cover[:, :, None]
    return np.asarray(base * (1 - c) + top * c, np.uint8)


def _beside(
    crop: UInt8, other: Object, middle: Float64, reach: Float64, side: float, rng: np.random.Generator
) -> tuple[UInt8, Float64]:
    """Another object of about the same size, where it does not cover the first one's middle, and its box."""
    bgr, box = other
    size = np.maximum(np.asarray(box[2:] - box[:2], np.float64), 1)
    scale = side * rng.uniform(0.7, 1.4) / math.sqrt(size.prod())
    half = size / 2 * scale
    for _ in range(8):
        at = rng.uniform(0, SIZE, 2)
        if (np.abs(at - middle) > reach + 0.7 * half).any():
            top, _ = _warp(bgr, box, _linear(scale, mirror=rng.random() < 0.5), at)
            return _blend(crop, top, _ellipse(at, half)), np.concatenate([at - half, at + half])
    return crop, np.zeros(4)


def _occlude(
    crop: UInt8, patch: UInt8, middle: Float64, reach: Float64, rng: np.random.Generator
) -> tuple[UInt8, Float64]:
    """A rectangle of another image over up to half of the object, from one side, and its box."""
    low, high = middle - reach, middle + reach
    axis, share = int(rng.integers(2)), rng.uniform(0.2, 0.5)
    left, right = low - 0.3 * reach * rng.random(2), high + 0.3 * reach * rng.random(2)
    if rng.random() < 0.5:
        right[axis] = low[axis] + share * 2 * reach[axis]
    else:
        left[axis] = high[axis] - share * 2 * reach[axis]
    x1, y1 = np.clip(left, 0, SIZE).astype(int)
    x2, y2 = np.clip(right, 0, SIZE).astype(int)
    out = crop.copy()
    out[y1:y2, x1:x2] = patch[y1:y2, x1:x2]
    return out, np.array([x1, y1, x2, y2], np.float64)


def _streak(rng: np.random.Generator) -> Float32:
    """The kernel of a linear motion blur."""
    length = int(rng.integers(3, 15))
    kernel = np.zeros((15, 15), np.float32)
    angle = rng.uniform(0, math.pi)
    reach = length / 2 * np.array([math.cos(angle), math.sin(angle)])
    one, two = (tuple(np.round(7 + sign * reach).astype(int).tolist()) for sign in (-1, 1))
    cv2.line(kernel, one, two, 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)
