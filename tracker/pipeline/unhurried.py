"""Every captured frame of a live source in order, with what is known of it when the looks around it are done."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from tracker.pipeline.live_tracks import Look
from tracker.pipeline.newest_frame import NewestFrame
from tracker.protocols import FrameContext
from tracker.types import Frame

MOST_FRAMES = 90  # waiting frames: three seconds at 30 a second, 560 MB of 1080p
CHECK_S = 0.05  # seconds between two checks whether a frame was left out by the detector


class Unhurried:
    """Frames wait until the look at them, or the one under way before them, is done: at most `MOST_FRAMES` of them.

    A frame that was looked at has its tracks as seen, any other those predicted from the look before it.

    Args:
        slot: tells which frames the detector may still look at.

    Attributes:
        late: frames that were given with an older prediction, since too many waited.
    """

    def __init__(self, slot: NewestFrame) -> None:
        self._slot = slot
        self._change = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._looks: deque[Look] = deque()
        self._before: Look | None = None  # the last look before the frame that is next
        self._closed = False
        self.late = 0

    def put(self, frame: Frame) -> None:
        """Appends a captured frame; it was put into the slot before."""
        with self._change:
            self._frames.append(frame)
            self._change.notify_all()

    def looked(self, look: Look) -> None:
        """Appends a result."""
        with self._change:
            self._looks.append(look)
            self._slot.done(look.context.frame.index)
            self._change.notify_all()

    def close(self) -> None:
        """No more results come; the frames that wait are given."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def __iter__(self) -> Iterator[FrameContext]:
        while True:
            with self._change:
                while not self._ready():
                    self._change.wait(CHECK_S)
                if not self._frames:
                    return
                frame = self._frames.popleft()
                while self._looks and self._looks[0].context.frame.index < frame.index:
                    self._before = self._looks.popleft()
                found = self._looks and self._looks[0].context.frame.index == frame.index
                if found:
                    self._before = self._looks.popleft()
                look = self._before
            if look is None:
                yield FrameContext(frame, looked=False)
            elif found:
                yield look.context
            else:
                yield FrameContext(frame, tracks=look.at(frame.time), looked=False)

    def _ready(self) -> bool:
        if self._closed:
            return True
        if not self._frames:
            return False
        if len(self._frames) > MOST_FRAMES:
            self.late += 1
            return True
        return not self._slot.may_be_looked_at(self._frames[0].index)
