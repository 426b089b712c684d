"""One camera's part of a window of several: the sink that draws its newest frame, at the size that is shown."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from tools.display.annotate import Painter
from tools.display.config import ViewConfig
from tracker.protocols import SourceInfo
from tracker.types import Float64, Frame, Tracks, UInt8

RATE_S = 2.0  # window of the rate of drawn frames, in seconds
LETTERS = 0.4  # the painter's smallest scale of letters
SIDE = 1200.0  # and the height of an image whose letters have scale 1


class GridCell:
    """A sink of one camera, written from its thread; the window takes the drawn image from another one.

    Args:
        changed: called when a new image is there.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self._changed = changed
        self._lock = threading.Lock()  # guards everything below
        self._painter = Painter()
        self._newest: tuple[Frame, Tracks] | None = None
        self._size: tuple[int, int] | None = None  # of the part that is shown; None while it is not
        self._picture: UInt8 | None = None
        self._drawn: deque[float] = deque(maxlen=256)
        self._view = ViewConfig()
        self._trails = True

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Take the names of the classes."""
        with self._lock:
            self._painter = Painter(names, self._view)
            self._painter.show_trails = self._trails

    def camera(self, warp: Float64 | None) -> None:
        """Move the trails with the camera."""
        with self._lock:
            self._painter.camera(warp)

    def past(self, time: float, tracks: Tracks) -> None:
        """Continue the trails with what became known of an earlier frame."""
        with self._lock:
            self._painter.seen(time, tracks)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Draw a frame, if the cell is shown."""
        with self._lock:
            self._newest = frame, tracks
            self._drawn.append(time.monotonic())
            if self._size is None:
                return
            self._picture = self._paint(self._size)
        self._changed()

    def close(self) -> None:
        """Keep the last image."""

    def view(self, config: ViewConfig, trails: bool) -> None:
        """Draw with other settings from now on."""
        with self._lock:
            self._view, self._trails = config, trails
            self._painter.config, self._painter.show_trails = config, trails
            self._picture = None

    def picture(self, size: tuple[int, int] | None) -> UInt8 | None:
        """The drawn image, fitted into (width, height); None before the first frame, or where none is to be shown.

        Later frames are drawn at this size.
        """
        with self._lock:
            if size != self._size:
                self._size, self._picture = size, None
            if self._picture is None and size is not None and self._newest is not None:
                self._picture = self._paint(size)
            return self._picture

    @property
    def newest(self) -> float | None:
        """Time of the newest frame, seconds of its source."""
        with self._lock:
            return None if self._newest is None else self._newest[0].time

    @property
    def rate(self) -> float:
        """Frames a second that came over the last seconds."""
        with self._lock:
            after = time.monotonic() - RATE_S
            return sum(moment > after for moment in self._drawn) / RATE_S

    def _paint(self, size: tuple[int, int]) -> UInt8:
        assert self._newest is not None
        frame, tracks = self._newest
        width, height = frame.size
        scale = min(size[0] / width, size[1] / height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        self._painter.config = replace(self._view, line_scale=_line_scale(self._view.line_scale, frame.size, scale))
        drawn = self._painter(frame, tracks)
        canvas = np.zeros((size[1], size[0], 3), np.uint8)
        left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        cv2.resize(drawn, inner, canvas[top : top + inner[1], left : left + inner[0]], interpolation=how)
        return canvas


def _line_scale(factor: float, size: tuple[int, int], scale: float) -> float:
    """The factor with which lines and letters are as large in the scaled image as if they were drawn in it."""
    if scale >= 1:
        return factor
    side = math.sqrt(size[0] * size[1] * 9 / 16)
    wanted = max(LETTERS, scale * side / SIDE) / (scale * max(LETTERS, side / SIDE))
    return min(max(factor * wanted, 0.1), 10.0)
