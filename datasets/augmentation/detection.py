"""Training images of a detector: resizing, mirroring, cropping, mosaics and photometric augmentation.

The transforms are albumentations' (Buslaev et al., "Albumentations", Information 11(2), 2020). The layout of the mosaic
is that of Bochkovskiy et al., "YOLOv4", arXiv:2004.10934, section 3.3. All random numbers come from the given
generator, so that an image can be reproduced from its seed in any process.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import albumentations as A
import cv2
import numpy as np

from tracker.types import Bool, Float32, Int64, UInt8

GREY = 127  # fills the area without an image: zero for a network that takes (x - 127) / 128
MIN_VISIBILITY = 0.3  # visible share of a box below which the object is ignored in the loss
MIN_SIDE_PX = 3.0  # side of a cropped box below which the object is ignored in the loss
P_SINGLE = 0.5  # share of the training images that are made from one image instead of four
SINGLE_SCALE = (0.85, 1.8)  # long side of a single image, in sides of the training image
MOSAIC_SCALE = (0.4, 1.1)  # long side of each of four images, in sides of the training image
AREA_BELOW = 0.6  # scale below which pixels are averaged; above it images are as sharp as from the detector's resizing
MAX_STRETCH = 0.12  # largest logarithm of the factor on the width; the height changes by the inverse factor


@dataclass(frozen=True, slots=True, eq=False)
class AugmentedImage:
    """An image and its objects.

    Attributes:
        bgr: (H, W, 3) uint8.
        xyxy: (N, 4) float32 pixels.
        label: (N,) int64.
        trust: (N,) float32 label weight: 1 for a labelled object, less for a pseudo-label, 0 for a box to ignore.
        known: (C,) bool, the classes of which every object is labelled.
    """

    bgr: UInt8
    xyxy: Float32
    label: Int64
    trust: Float32
    known: Bool


def compose(pick: Callable[[], AugmentedImage], size: int, rng: np.random.Generator) -> AugmentedImage:
    """One square training image of `size` pixels from one image, or from four around a random point.

    Args:
        pick: returns another image at each call.
        size: side, pixels.
        rng: random generator.
    """
    if rng.random() < P_SINGLE:
        places, scale = [(0, 0, size, size)], SINGLE_SCALE
    else:
        x, y = (int(size * rng.uniform(0.3, 0.7)) for _ in range(2))
        places, scale = [(0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)], MOSAIC_SCALE
    canvas = np.empty((size, size, 3), np.uint8)
    parts = []
    for left, top, right, bottom in places:
        long_side = size * math.exp(rng.uniform(*np.log(scale)))
        part = fit_into(pick(), (right - left, bottom - top), long_side, rng)
        canvas[top:bottom, left:right] = part.bgr
        parts.append((part, np.array([left, top] * 2, np.float32)))
    return AugmentedImage(
        photometric(canvas, rng),
        np.concatenate([part.xyxy + corner for part, corner in parts]),
        np.concatenate([part.label for part, _ in parts]),
        np.concatenate([part.trust for part, _ in parts]),
        np.logical_and.reduce([part.known for part, _ in parts]),
    )


def fit_into(
    marked: AugmentedImage, size: tuple[int, int], long_side: float, rng: np.random.Generator
) -> AugmentedImage:
    """Mirrors an image at random, resizes it, and crops or pads it at random to (width, height) `size`.

    Boxes are clipped at the edges. A box with too small a visible share gets trust 0; a box outside is dropped.
    albumentations' own `min_visibility` would drop the former too, and the loss would treat its area as background.

    Args:
        marked: the image and its objects.
        size: (width, height) of the result, pixels.
        long_side: long side of the whole image after resizing and before a slight random stretch, pixels.
        rng: random generator.
    """
    height, width = marked.bgr.shape[:2]
    stretch = math.exp(rng.uniform(-MAX_STRETCH, MAX_STRETCH))
    scale = long_side / max(height, width)
    small = scale < AREA_BELOW
    columns, rows = max(1, round(width * scale * stretch)), max(1, round(height * scale / stretch))
    transform = A.Compose(
        [
            A.HorizontalFlip(p=0.5),
            A.Resize(rows, columns, interpolation=cv2.INTER_LINEAR, area_for_downscale="image" if small else None),
            A.RandomCrop(size[1], size[0], pad_if_needed=True, pad_position="random", fill=GREY),
        ],
        # input boxes may extend beyond their image; `min_area` drops boxes outside the crop
        bbox_params=A.BboxParams("pascal_voc", ["row"], min_area=1e-3, clip=True, filter_invalid_bboxes=True),
    )
    made = _seeded(transform, rng)(image=marked.bgr, bboxes=marked.xyxy, row=np.arange(len(marked.xyxy)))
    row = np.asarray(made["row"], np.int64).reshape(-1)
    xyxy = np.asarray(made["bboxes"], np.float32).reshape(-1, 4)
    whole = _area(marked.xyxy[row]) * (columns / width) * (rows / height)
    sides = xyxy[:, 2:] - xyxy[:, :2]
    judged = (_area(xyxy) >= MIN_VISIBILITY * whole) & (sides.min(axis=1, initial=np.inf) >= MIN_SIDE_PX)
    trust = np.where(judged, marked.trust[row], 0).astype(np.float32)
    return AugmentedImage(np.asarray(made["image"], np.uint8), xyxy, marked.label[row], trust, marked.known)


def photometric(bgr: UInt8, rng: np.random.Generator) -> UInt8:
    """Photometric augmentation: random colour, brightness, blur, noise and compression, as from real cameras.

    Args:
        bgr: (H, W, 3).
        rng: random generator.
    """
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    made = _seeded(_camera(), rng)(image=rgb)["image"]
    return np.asarray(cv2.cvtColor(made, cv2.COLOR_RGB2BGR), np.uint8)


@functools.cache
def _camera() -> A.Compose:
    """The photometric transforms: most images keep about their brightness, a few become very dark or very bright."""
    usual = A.RandomGamma((72, 140), p=0.9)  # in OneOf, p is a weight
    night = A.Sequential([A.RandomGamma((130, 220), p=1), A.MultiplicativeNoise((0.3, 0.8), p=1)], p=0.1)
    light = A.ColorJitter(brightness=(0.8, 1.25), contrast=(1, 1), saturation=(0.5, 1.4), hue=(0, 0), p=1)
    tint = A.MultiplicativeNoise((0.91, 1.1), per_channel=True, p=1)
    # a blur kernel that is not centred would shift objects out of their boxes
    moved = A.MotionBlur((3, 9), allow_shifted=False, direction_range=(0, 0))
    return A.Compose(
        [
            A.Sequential([A.OneOf([usual, night], p=1), light, tint], p=0.7),
            A.ToGray(p=0.1),
            A.OneOf([A.GaussianBlur(blur_limit=0, sigma_limit=(0.6, 1.8)), moved], p=0.12),
            A.GaussNoise(std_range=(3 / 255, 16 / 255), p=0.15),
            A.ImageCompression(quality_range=(25, 80), p=0.15),
        ]
    )


def _seeded(transform: A.Compose, rng: np.random.Generator) -> A.Compose:
    """The transform with random numbers from `rng`; one generator for all parts, since equal seeds correlate them."""
    transform.set_random_state(rng, random.Random(int(rng.integers(2**63))))
    return transform


def _area(xyxy: Float32) -> Float32:
    return np.asarray((xyxy[:, 2] - xyxy[:, 0]).clip(0) * (xyxy[:, 3] - xyxy[:, 1]).clip(0), np.float32)


def flat(pictures: Sequence[AugmentedImage]) -> tuple[Int64, Int64, Float32, Float32]:
    """(G,) image index, (G,) label, (G, 4) xyxy and (G,) trust of all boxes of several images."""
    picture = np.concatenate([np.full(len(p.label), k, np.int64) for k, p in enumerate(pictures)])
    label, xyxy, trust = (np.concatenate([getattr(p, name) for p in pictures]) for name in ("label", "xyxy", "trust"))
    return picture, label, xyxy, trust
