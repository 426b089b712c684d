"""A pen that draws in metres at three times the resolution and returns an anti-aliased sprite."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.types import Float32, Float64, UInt8

OVERSAMPLE = 3
SHIFT = 4  # fractional bits of OpenCV's fixed-point coordinates
Colour = tuple[int, int, int]
Outline = Float64 | list[tuple[float, float]]
_TURN = np.linspace(0, 2 * np.pi, 36, endpoint=False)
CIRCLE = np.column_stack([np.cos(_TURN), np.sin(_TURN)])


def dark(colour: Colour, by: float) -> Colour:
    """The colour with its brightness multiplied by `by`."""
    b, g, r = (int(np.clip(c * by, 0, 255)) for c in colour)
    return b, g, r


@dataclass(frozen=True, eq=False, slots=True)
class Sprite:
    """An image with transparency, to be put on the canvas.

    Attributes:
        bgr: (h, w, 3) float32, 0..255, already multiplied by alpha.
        alpha: (h, w) float32, 0..1.
        left: column of the canvas at its left edge.
        top: row of the canvas at its top edge.
        foot: row of the canvas where the object touches the ground.
    """

    bgr: Float32
    alpha: Float32
    left: int
    top: int
    foot: float


class Pen:
    """Draws shapes given in metres, relative to a point on the ground: x to the right, y up.

    Args:
        column: column of that point on the canvas, with fraction.
        row: row of that point on the canvas, with fraction.
        scale: pixels per metre.
        box: left, bottom, right, top of the area to draw in, metres.
    """

    def __init__(self, column: float, row: float, scale: float, box: tuple[float, float, float, float]) -> None:
        self._left = int(np.floor(column + box[0] * scale)) - 2
        self._top = int(np.floor(row - box[3] * scale)) - 2
        width = int(np.ceil(column + box[2] * scale)) + 2 - self._left
        height = int(np.ceil(row - box[1] * scale)) + 2 - self._top
        self._origin = np.array([column - self._left, row - self._top]) * OVERSAMPLE
        self._row = row
        self.scale = scale * OVERSAMPLE
        self.colour: UInt8 = np.zeros((height * OVERSAMPLE, width * OVERSAMPLE, 3), np.uint8)
        self.mask: UInt8 = np.zeros((height * OVERSAMPLE, width * OVERSAMPLE), np.uint8)

    def polygon(self, points: Outline, colour: Colour) -> None:
        """Draws a filled polygon."""
        fixed = self._fixed(points)
        cv2.fillPoly(self.colour, [fixed], colour, cv2.LINE_8, SHIFT)
        cv2.fillPoly(self.mask, [fixed], 255, cv2.LINE_8, SHIFT)

    def stamp(self, points: Outline) -> UInt8:
        """The mask of a polygon, without drawing it."""
        area = np.zeros_like(self.mask)
        cv2.fillPoly(area, [self._fixed(points)], 255, cv2.LINE_8, SHIFT)
        return area

    def inside(self, points: Outline, colour: Colour, within: UInt8) -> None:
        """Draws a polygon only inside `within`, a mask made by `stamp`, for example stripes on a shirt."""
        fixed = self._fixed(points)
        left, top = np.maximum(fixed.min(axis=0) >> SHIFT, 0).tolist()
        right, bottom = ((fixed.max(axis=0) >> SHIFT) + 2).tolist()
        part = slice(top, max(bottom, top)), slice(left, max(right, left))
        area = np.zeros_like(self.mask[part])
        if area.size:
            cv2.fillPoly(area, [fixed - np.array([left << SHIFT, top << SHIFT], np.int32)], 255, cv2.LINE_8, SHIFT)
            self.colour[part][(area > 0) & (within[part] > 0)] = colour

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, within: UInt8 | None = None) -> None:
        """Draws an axis-aligned rectangle between two corners, only inside the mask `within` if it is given."""
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        if within is None:
            self.polygon(corners, colour)
        else:
            self.inside(corners, colour, within)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """Draws a filled ellipse."""
        self.polygon(CIRCLE * [rx, ry] + [x, y], colour)

    def _fixed(self, points: Outline) -> NDArray[np.int32]:
        """The points in OpenCV's fixed-point pixel coordinates."""
        pixels = self._origin + np.asarray(points, float) * [self.scale, -self.scale]
        return np.asarray(np.rint(pixels * (1 << SHIFT)), np.int32)

    def limb(self, points: list[tuple[float, float]], radii: list[float], colour: Colour) -> None:
        """Draws a tapering tube through the points, with round joints and ends."""
        for (x, y), r in zip(points, radii, strict=True):
            self.ellipse(x, y, r, r, colour)
        for a, b, r, s in zip(points, points[1:], radii, radii[1:], strict=False):
            along = np.subtract(b, a)
            length = float(np.hypot(*along)) or 1.0
            normal = np.array([-along[1], along[0]]) / length
            self.polygon(np.array([a + normal * r, b + normal * s, b - normal * s, a - normal * r]), colour)

    def sprite(self, roundness: float = 0.0) -> Sprite:
        """The drawing, reduced to its true size; `roundness` shades it as if lit from the upper left."""
        size = (self.colour.shape[1] // OVERSAMPLE, self.colour.shape[0] // OVERSAMPLE)
        alpha = np.asarray(cv2.resize(self.mask, size, interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)
        # Undrawn pixels are black, so the mean colour is already multiplied by alpha.
        bgr = np.asarray(cv2.resize(self.colour, size, interpolation=cv2.INTER_AREA), np.float32)
        if roundness:
            bgr *= _relief(alpha, 0.11 * self.scale / OVERSAMPLE, roundness)[..., None]
        return Sprite(np.minimum(bgr, 255 * alpha[..., None]), alpha, self._left, self._top, self._row)


def _relief(alpha: Float32, reach: float, strength: float) -> Float32:
    """Light from the left: brighter at the left edge of the outline, darker at the right edge."""
    pad = int(np.ceil(reach)) + 1
    wide = cv2.copyMakeBorder(alpha, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    soft = cv2.GaussianBlur(wide, (0, 0), max(0.6, reach * 0.6))
    shift = max(1, round(reach))
    slope = np.roll(soft, -shift, axis=1) - np.roll(soft, shift, axis=1)
    relief: Float32 = 1 + strength * slope[pad:-pad, pad:-pad]
    return relief


def smooth(points: list[tuple[float, float]], rounds: int = 3) -> Float64:
    """A closed outline, smoothed by repeated corner cutting (Chaikin, 1974)."""
    outline = np.asarray(points, float)
    for _ in range(rounds):
        after = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], axis=1).reshape(-1, 2)
    return outline


def blurred(sprite: Sprite, dx: float, dy: float) -> Sprite:
    """The sprite with motion blur: it moves by (dx, dy) pixels during the exposure, centred on its position."""
    length = float(np.hypot(dx, dy))
    if length < 0.5:
        return sprite
    pad = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * pad + 1, 2 * pad + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 4 * pad + 1):
        x, y = pad + t * dx, pad + t * dy
        i, j = int(y), int(x)
        fy, fx = y - i, x - j
        for di, wy in ((0, 1 - fy), (1, fy)):
            for dj, wx in ((0, 1 - fx), (1, fx)):
                if wy * wx > 0:
                    kernel[i + di, j + dj] += wy * wx
    kernel /= kernel.sum()
    layers = np.dstack([sprite.bgr, sprite.alpha])
    wide = cv2.copyMakeBorder(layers, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    smeared = np.asarray(cv2.filter2D(wide, -1, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)
    return Sprite(
        np.ascontiguousarray(smeared[..., :3]),
        np.ascontiguousarray(smeared[..., 3]),
        sprite.left - pad,
        sprite.top - pad,
        sprite.foot,
    )
