"""Playback: history of drawn images, and timing of the next one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tracker.types import UInt8

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
LATE_S = 0.25  # an image that is later than this resets the clock: playback does not rush to catch up
RATE_S = 2.0  # window of the rate, in seconds
MAX_BYTES, MAX_IMAGES = 256_000_000, 300  # 41 images of 1080p


@dataclass(frozen=True, slots=True)
class DrawnFrame:
    """An image with its drawn tracks.

    Attributes:
        picture: (H, W, 3) uint8, BGR.
        time: time of its frame, in seconds.
    """

    picture: UInt8
    time: float


class History:
    """The last drawn images and a position among them, in bounded memory.

    Args:
        most_bytes: limit for all images; two are always kept.
        most: greatest number of images.
    """

    def __init__(self, most_bytes: int = MAX_BYTES, most: int = MAX_IMAGES) -> None:
        self._kept: deque[DrawnFrame] = deque()
        self._most_bytes, self._most, self._bytes = most_bytes, most, 0
        self._at = -1

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def shown(self) -> DrawnFrame | None:
        """The image at the position; None before the first image."""
        return self._kept[self._at] if self._at >= 0 else None

    @property
    def next(self) -> DrawnFrame | None:
        """The image after it, or None."""
        return self._kept[self._at + 1] if self.ahead else None

    @property
    def ahead(self) -> int:
        """Number of images after the position."""
        return len(self._kept) - 1 - self._at

    def push(self, drawn: DrawnFrame) -> None:
        """Append an image and keep the position. The oldest images are dropped at the limit."""
        self._kept.append(drawn)
        self._bytes += drawn.picture.nbytes
        while len(self._kept) > 2 and (self._bytes > self._most_bytes or len(self._kept) > self._most):
            self._bytes -= self._kept.popleft().picture.nbytes
            self._at = max(self._at - 1, min(self._at, 0))

    def replace_newest(self, picture: UInt8) -> None:
        """Replace the newest image by a new drawing of it."""
        last = self._kept.pop()
        self._bytes += picture.nbytes - last.picture.nbytes
        self._kept.append(DrawnFrame(picture, last.time))

    def step(self, count: int) -> bool:
        """Move the position, back for a negative `count`; False where there is no image that far."""
        if not 0 <= self._at + count < len(self._kept):
            return False
        self._at += count
        return True

    def to_newest(self) -> None:
        """Move the position to the end."""
        self._at = len(self._kept) - 1


class Pace:
    """Timing of playback: when an image is due, in true seconds scaled by a speed.

    Args:
        speed: 1 is real time; 0: as fast as images arrive.
        clock: monotonic clock, in seconds.
    """

    def __init__(self, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self._clock = clock
        self._anchor: tuple[float, float] | None = None  # time of an image, and when it was shown
        self._shown: deque[float] = deque()

    def wait(self, time: float) -> float:
        """Seconds until an image of this time is due, 0 where it is due or late."""
        if self.speed == 0 or self._anchor is None:
            return 0.0
        due = self._anchor[1] + (time - self._anchor[0]) / self.speed
        return max(due - self._clock(), 0.0)

    def showed(self, time: float) -> None:
        """Record that an image of this time is shown now."""
        now = self._clock()
        self._shown.append(now)
        if self._anchor is not None and self.speed > 0:
            due = self._anchor[1] + (time - self._anchor[0]) / self.speed
            if 0 <= now - due <= LATE_S:
                self._anchor = time, due  # a clock that every late image resets would fall behind
                return
        self._anchor = time, now

    def restart(self) -> None:
        """Make the next image due at once: after a pause, a step, or a change of speed."""
        self._anchor = None

    def change(self, step: int) -> None:
        """Change to the next faster or slower speed (step 1 or -1)."""
        now = self.speed or max(SPEEDS)
        beyond = [s for s in SPEEDS if (s - now) * step > 0]
        self.speed = (min if step > 0 else max)(beyond) if beyond else now
        self.restart()

    @property
    def rate(self) -> float:
        """Recent rate of shown images, in hertz."""
        now = self._clock()
        while self._shown and self._shown[0] < now - RATE_S:
            self._shown.popleft()
        if len(self._shown) < 2:
            return 0.0
        return (len(self._shown) - 1) / max(now - self._shown[0], 1e-3)
