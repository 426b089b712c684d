"""What a player keeps and waits for: the last drawn pictures, and when the next one is due."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tracker.types import UInt8

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
LATE_S = 0.25  # behind its time by more than this, a picture sets the clock anew: nothing is rushed to catch up
RATE_S = 2.0  # the rate is that of the last two seconds
MAX_BYTES, MAX_IMAGES = 256_000_000, 300  # 41 pictures of 1080p


@dataclass(frozen=True, slots=True)
class DrawnFrame:
    """A picture with its tracks.

    Attributes:
        picture: (H, W, 3) uint8, BGR.
        time: seconds, of its frame.
    """

    picture: UInt8
    time: float


class History:
    """The last drawn pictures and a place among them, in bounded memory.

    Args:
        most_bytes: of all pictures; two are kept in any case.
        most: pictures.
    """

    def __init__(self, most_bytes: int = MAX_BYTES, most: int = MAX_IMAGES) -> None:
        self._kept: deque[DrawnFrame] = deque()
        self._most_bytes, self._most, self._bytes = most_bytes, most, 0
        self._at = -1

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def shown(self) -> DrawnFrame | None:
        """The picture at the place; None before the first one."""
        return self._kept[self._at] if self._at >= 0 else None

    @property
    def next(self) -> DrawnFrame | None:
        """The one after it, or None."""
        return self._kept[self._at + 1] if self.ahead else None

    @property
    def ahead(self) -> int:
        """How many pictures come after the place."""
        return len(self._kept) - 1 - self._at

    def push(self, drawn: DrawnFrame) -> None:
        """Keeps a new picture; the place stays where it is. The oldest ones go where there are too many."""
        self._kept.append(drawn)
        self._bytes += drawn.picture.nbytes
        while len(self._kept) > 2 and (self._bytes > self._most_bytes or len(self._kept) > self._most):
            self._bytes -= self._kept.popleft().picture.nbytes
            self._at = max(self._at - 1, min(self._at, 0))

    def replace_newest(self, picture: UInt8) -> None:
        """The newest picture was drawn anew."""
        last = self._kept.pop()
        self._bytes += picture.nbytes - last.picture.nbytes
        self._kept.append(DrawnFrame(picture, last.time))

    def step(self, count: int) -> bool:
        """Moves the place, back where `count` is negative; False where there is nothing that far."""
        if not 0 <= self._at + count < len(self._kept):
            return False
        self._at += count
        return True

    def to_newest(self) -> None:
        """Moves the place to the end."""
        self._at = len(self._kept) - 1


class Pace:
    """True seconds, at a speed: when a picture is due after the one before.

    Args:
        speed: 1 is that of life; 0: as fast as pictures come.
        clock: seconds that never go back.
    """

    def __init__(self, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self._clock = clock
        self._anchor: tuple[float, float] | None = None  # a picture's time and when it was shown
        self._shown: deque[float] = deque()

    def wait(self, time: float) -> float:
        """Seconds until a picture of this time is due, 0 where it is now or was before."""
        if self.speed == 0 or self._anchor is None:
            return 0.0
        due = self._anchor[1] + (time - self._anchor[0]) / self.speed
        return max(due - self._clock(), 0.0)

    def showed(self, time: float) -> None:
        """A picture of this time is shown now."""
        now = self._clock()
        self._shown.append(now)
        if self._anchor is not None and self.speed > 0:
            due = self._anchor[1] + (time - self._anchor[0]) / self.speed
            if 0 <= now - due <= LATE_S:
                self._anchor = time, due  # a clock that is set by each late picture would fall behind
                return
        self._anchor = time, now

    def restart(self) -> None:
        """The next picture is due at once: after a pause, a step, another speed."""
        self._anchor = None

    def change(self, step: int) -> None:
        """The next faster or slower speed (step 1 or -1)."""
        now = self.speed or max(SPEEDS)
        beyond = [s for s in SPEEDS if (s - now) * step > 0]
        self.speed = (min if step > 0 else max)(beyond) if beyond else now
        self.restart()

    @property
    def rate(self) -> float:
        """Pictures a second that were shown lately."""
        now = self._clock()
        while self._shown and self._shown[0] < now - RATE_S:
            self._shown.popleft()
        if len(self._shown) < 2:
            return 0.0
        return (len(self._shown) - 1) / max(now - self._shown[0], 1e-3)
