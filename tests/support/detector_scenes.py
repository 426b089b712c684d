"""Images for the detectors: a thing that comes after four seconds and moves over a still, textured background."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracker.types import Frame

WIDTH, HEIGHT, SIDE = 160, 120, 24
START = 4.0  # seconds before it comes


def background(width: int = WIDTH, height: int = HEIGHT) -> Any:
    """(height, width, 3) uint8, the same at each call."""
    return np.random.default_rng(1).integers(60, 90, (height, width, 3), dtype=np.uint8)


def truth(time: float, scale: int = 1) -> list[int]:
    """Where the thing is at `time` seconds from START on: left, top, right, bottom in pixels."""
    left = scale * round(100 * (time - START))
    return [left, 40 * scale, left + SIDE * scale, (40 + 2 * SIDE) * scale]


def frame(time: float, index: int = 0, scale: int = 1) -> Frame:
    """The scene at `time`; its image cannot be written to."""
    picture = background(WIDTH * scale, HEIGHT * scale)
    if time >= START:
        left, top, right, bottom = truth(time, scale)
        thing = np.random.default_rng(2).integers(120, 255, (bottom - top, right - left, 3), dtype=np.uint8)
        picture[top:bottom, left:right] = thing
    picture.flags.writeable = False
    return Frame(picture, index, time)


def iou(a: Any, b: Any) -> float:
    """Of two boxes."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = float(np.clip(np.subtract(high, low), 0, None).prod())
    return both / (float(np.subtract(a[2:], a[:2]).prod() + np.subtract(b[2:], b[:2]).prod()) - both)
