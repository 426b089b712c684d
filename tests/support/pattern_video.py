"""Videos of a textured object whose course is known, as readers of frames by position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.support.pattern_images import SIZE, box_at, scene
from tracker.types import Bool, Float64, Frame, UInt8

UNEVEN = np.cumsum([0.0, 0.04, 0.08, 0.04, 0.2, 0.04, 0.04, 0.12, 0.04, 0.08, 0.04, 0.1])  # seconds


def walking(time: float) -> Float64:
    """(4,) the box of an object that walks to the right and up."""
    return box_at(60 + 90 * time, 150 - 40 * time)


def walking_mask(frame: int) -> Bool:
    """(H, W) the mask of that object in a frame at the times `UNEVEN`."""
    mask = np.zeros(SIZE[::-1], bool)
    left, top, right, bottom = np.rint(walking(float(UNEVEN[frame]))).astype(int).tolist()
    mask[top:bottom, left:right] = True
    return mask


@dataclass(frozen=True, eq=False)
class PatternVideo:
    """Frames at `times` seconds, drawn on demand; `draw` gives the image at a time."""

    times: Float64
    draw: Callable[[float], UInt8]

    def get(self, position: int, /) -> Frame:
        """The frame at `position`."""
        time = float(self.times[position])
        return Frame(self.draw(time), position, time)

    def reversed(self) -> PatternVideo:
        """The same images in the opposite order, at negated times."""
        return PatternVideo(-self.times[::-1], lambda time: self.draw(-time))


def video(
    times: Sequence[float] | Float64 = UNEVEN, course: Callable[[float], Float64 | None] = walking
) -> PatternVideo:
    """The object on its course; it is not there where the course is None."""

    def draw(time: float) -> UInt8:
        box = course(time)
        return scene() if box is None else scene(box)

    return PatternVideo(np.asarray(times, np.float64), draw)
