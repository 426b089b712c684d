"""Compositing: sprites and their shadows onto a canvas, and the canvas into pixels."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.scenes.sprites import Sprite
from tracker.types import Float32, UInt8

SUN = (0.55, 0.16)  # length of a shadow to the right and towards the camera, in heights of the object


def clip(
    box: tuple[int, int, int, int], size: tuple[int, ...]
) -> tuple[bool, tuple[slice, slice] | None, tuple[slice, slice] | None]:
    """(whether all of it fits, part of the patch, part of the canvas) for a patch at (top, left, height, width)."""
    top, left, height, width = box
    y0, x0, y1, x1 = max(top, 0), max(left, 0), min(top + height, size[0]), min(left + width, size[1])
    if y1 <= y0 or x1 <= x0:
        return False, None, None
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    return (y1 - y0, x1 - x0) == (height, width), part, (slice(y0, y1), slice(x0, x1))


def paste(canvas: Float32, sprite: Sprite) -> None:
    """Blends the sprite over the canvas."""
    h, w = sprite.alpha.shape
    _, part, there = clip((sprite.top, sprite.left, h, w), canvas.shape[:2])
    if part is not None and there is not None:
        canvas[there] = canvas[there] * (1 - sprite.alpha[part][..., None]) + sprite.bgr[part]


def add_shadow(shade: Float32, sprite: Sprite, softness: float = 0.9, dx: float = 0.0, dy: float = 0.0) -> None:
    """Adds the sprite's shadow to `shade` (0 sun .. 1 shadow): its outline, projected to the right along the ground."""
    w = sprite.alpha.shape[1]
    foot = sprite.foot - sprite.top
    run, lean = SUN
    # (x, y) of the outline -> (x + run * height, foot + lean * height), height being counted up from the foot.
    width, height = int(w + run * foot) + 6, int(lean * foot) + 8
    throw = np.array([[1, -run, run * foot + 2], [0, -lean, lean * foot + 3]])
    cast = cv2.warpAffine(sprite.alpha, throw, (width, height), flags=cv2.INTER_LINEAR)
    cast = cv2.GaussianBlur(cast, (0, 0), softness)
    left, top = round(sprite.left - 2 + dx), round(sprite.foot - 3 + dy)
    _, part, there = clip((top, left, height, width), shade.shape[:2])
    if there is not None and part is not None:
        shade[there] = np.maximum(shade[there], cast[part])


def darken(canvas: Float32, shade: Float32) -> None:
    """Darkens the canvas by `shade`: removes the sunlight but not the blue light of the sky."""
    dark_rows = np.flatnonzero(shade.any(axis=1))
    if len(dark_rows):
        rows = slice(int(dark_rows[0]), int(dark_rows[-1]) + 1)
        canvas[rows] *= 1 - shade[rows][..., None] * np.array([0.36, 0.43, 0.48], np.float32)


def vignette(width: int, height: int) -> Float32:
    """Vignetting of a lens: (H, W, 1) factor on each pixel, 1 in the middle."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(1 - 0.13 * ((x**2 + y**2) / 2)[..., None] ** 1.5, np.float32)


def to_pixels(canvas: Float32) -> UInt8:
    """The canvas as uint8, rounded and clipped to 0..255."""
    return np.asarray(np.clip(canvas + 0.5, 0, 255), np.uint8)
