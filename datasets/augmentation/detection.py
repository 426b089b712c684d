"""Pictures with boxes made different: cut, scaled, mirrored, put together, blurred, darkened, for training a detector.

All randomness comes from the generator that is handed in, so that a picture can be made again from its seed.
Mosaic: Bochkovskiy et al., "YOLOv4", arXiv:2004.10934, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.types import Bool, Float32, Int64, UInt8

GREY = 127  # what is put where there is no picture: nothing, for a network that takes (x - 127) / 128
SEEN = 0.3  # of a box that is cut off more nobody can be expected to find the rest
LEAST = 3.0  # pixels; smaller boxes are left out of judgement
SINGLE = 0.5  # share of pictures that stand alone


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """A picture and what is in it.

    Attributes:
        bgr: (H, W, 3) uint8.
        xyxy: (N, 4) float32 pixels.
        label: (N,) int64.
        trust: (N,) float32: 1 for a labelled object, less for one that only teachers saw, 0 where nobody knows.
        known: (C,) bool, classes of which everything is marked.
    """

    bgr: UInt8
    xyxy: Float32
    label: Int64
    trust: Float32
    known: Bool


def compose(pick: Callable[[], Marked], size: int, rng: np.random.Generator) -> Marked:
    """One square training picture of `size` pixels from one picture, or from four around a random point.

    Args:
        pick: gives another picture at each call.
        size: pixels a side.
        rng: the source of chance.
    """
    if rng.random() < SINGLE:
        parts = [(pick(), (0, 0, size, size), math.exp(rng.uniform(math.log(0.85), math.log(1.8))))]
    else:
        x, y = (int(size * rng.uniform(0.3, 0.7)) for _ in range(2))
        places = [(0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)]
        parts = [(pick(), place, math.exp(rng.uniform(math.log(0.4), math.log(1.1)))) for place in places]
    canvas = np.full((size, size, 3), GREY, np.uint8)
    boxes, labels, trusts = [], [], []
    known = np.ones(len(parts[0][0].known), bool)
    for marked, place, scale in parts:
        xyxy, trust = _lay(canvas, marked, place, scale * size, rng)
        keep = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
        boxes.append(xyxy[keep])
        labels.append(marked.label[keep])
        trusts.append(trust[keep])
        known &= marked.known
    return Marked(spoil(canvas, rng), np.concatenate(boxes), np.concatenate(labels), np.concatenate(trusts), known)


def _lay(
    canvas: UInt8, marked: Marked, place: tuple[int, int, int, int], long_side: float, rng: np.random.Generator
) -> tuple[Float32, Float32]:
    """Draw a picture, scaled to `long_side`, mirrored by chance, into a rectangle; its boxes there, and their trust."""
    height, width = marked.bgr.shape[:2]
    left, top, right, bottom = place
    scale = long_side / max(height, width)
    stretch = math.exp(rng.uniform(-0.12, 0.12))
    across, down = scale * stretch, scale / stretch
    mirror = rng.random() < 0.5
    if mirror:
        across = -across
    # where the picture's upper left corner may come to lie, so that it covers the rectangle, or lies within it
    spans = (abs(across) * width, down * height)
    x, y = (
        low + rng.uniform(min(0, room - span), max(0, room - span))
        for low, room, span in zip((left, top), (right - left, bottom - top), spans, strict=True)
    )
    shift = (x + (spans[0] if mirror else 0), y)
    matrix = np.array([[across, 0, shift[0] - left], [0, down, shift[1] - top]], np.float64)
    source = marked.bgr
    if scale < 0.6:  # bilinear alone would skip pixels
        smaller = [max(1, round(side * scale * 1.2)) for side in (width, height)]
        source = cv2.resize(source, smaller, interpolation=cv2.INTER_AREA).astype(np.uint8)
        matrix[:, 0] *= width / source.shape[1]
        matrix[:, 1] *= height / source.shape[0]
    target = canvas[top:bottom, left:right]
    target[:] = cv2.warpAffine(
        source, matrix, (right - left, bottom - top), borderMode=cv2.BORDER_CONSTANT, borderValue=(GREY, GREY, GREY)
    )
    corners = marked.xyxy * np.array([across, down] * 2, np.float32) + np.array([*shift, *shift], np.float32)
    if mirror:
        corners = corners[:, [2, 1, 0, 3]]
    cut = np.clip(corners, np.array([left, top] * 2, np.float32), np.array([right, bottom] * 2, np.float32))
    whole, seen = _area(corners), _area(cut)
    small = (seen < SEEN * whole) | (np.minimum(cut[:, 2] - cut[:, 0], cut[:, 3] - cut[:, 1]) < LEAST)
    return cut.astype(np.float32), np.where(small, 0, marked.trust).astype(np.float32)


def _area(xyxy: Float32) -> Float32:
    return np.asarray((xyxy[:, 2] - xyxy[:, 0]).clip(0) * (xyxy[:, 3] - xyxy[:, 1]).clip(0), np.float32)


def spoil(bgr: UInt8, rng: np.random.Generator) -> UInt8:
    """Colours, light, blur, noise and compression as cameras bring them; each by chance."""
    out = bgr
    if rng.random() < 0.7:
        out = _colours(out, rng)
    if rng.random() < 0.1:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.uint8)
    if rng.random() < 0.12:
        out = _blur(out, rng)
    if rng.random() < 0.15:
        noise = rng.standard_normal(out.shape, np.float32) * rng.uniform(3, 16)
        out = np.clip(out + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        _, code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
        out = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return out


def _colours(bgr: UInt8, rng: np.random.Generator) -> UInt8:
    """Gamma (night and glare too), a gain for each channel, and more or less colour."""
    gamma = math.exp(rng.normal(0, 0.25)) * (rng.uniform(1.3, 2.2) if rng.random() < 0.12 else 1.0)
    light = rng.uniform(0.3, 0.8) if gamma > 1.5 else math.exp(rng.normal(0, 0.15))
    ramp = np.linspace(0, 1, 256) ** gamma * 255 * light
    gains = np.exp(rng.normal(0, 0.06, 3))
    table = np.clip(ramp[:, None] * gains, 0, 255).astype(np.uint8)[None]
    out = cv2.LUT(bgr, table)
    colour = rng.uniform(0.5, 1.4)
    grey = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.addWeighted(out, colour, grey, 1 - colour, 0), np.uint8)


def _blur(bgr: UInt8, rng: np.random.Generator) -> UInt8:
    """Out of focus, or moved in some direction."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(bgr, (0, 0), rng.uniform(0.6, 1.8)), np.uint8)
    length = int(rng.integers(3, 10))
    angle = rng.uniform(0, math.pi)
    kernel: NDArray[np.float32] = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    step = np.array([math.cos(angle), math.sin(angle)]) * middle
    ends = [tuple(round(v) for v in middle + sign * step) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    return np.asarray(cv2.filter2D(bgr, -1, kernel / kernel.sum()), np.uint8)


def flat(pictures: Sequence[Marked]) -> tuple[Int64, Int64, Float32, Float32]:
    """(G,) picture, (G,) label, (G, 4) xyxy and (G,) trust of all boxes of several pictures."""
    picture = np.concatenate([np.full(len(p.label), k, np.int64) for k, p in enumerate(pictures)])
    label, xyxy, trust = (np.concatenate([getattr(p, name) for p in pictures]) for name in ("label", "xyxy", "trust"))
    return picture, label, xyxy, trust
