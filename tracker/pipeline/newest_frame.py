"""A slot that holds the newest frame, for the detector or for the display."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from tracker.protocols import SourceInfo
from tracker.types import Frame


class NewestFrame:
    """A live source whose frames are put in by another thread; a frame that was not taken is replaced by the next one.

    Args:
        info: properties of the source that the frames come from.
        change: notified of every change; slots may share one.
    """

    def __init__(self, info: SourceInfo, change: threading.Condition | None = None) -> None:
        self.info = info
        self._change = change or threading.Condition()
        self._frame: Frame | None = None
        self._closed = self._ended = False
        self._taken: list[int] = []  # indices of frames that were taken and are not done

    def put(self, frame: Frame) -> None:
        """Makes `frame` the newest one."""
        with self._change:
            self._frame = frame
            self._change.notify_all()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self._change:
                while self._frame is None and not (self._closed or self._ended):
                    self._change.wait()
                if self._frame is None or self._closed:
                    return
                frame, self._frame = self._frame, None
                self._taken.append(frame.index)
            yield frame

    def take(self, seconds: float) -> Frame | None:
        """The newest frame, or None if none comes for so many seconds; for a consumer that is never waited for."""
        with self._change:
            if self._frame is None and not (self._closed or self._ended):
                self._change.wait(seconds)
            frame, self._frame = self._frame, None
            return frame

    @property
    def ended(self) -> bool:
        """Whether no frame is left, and none will come."""
        with self._change:
            return self._closed or (self._ended and self._frame is None)

    def done(self, index: int) -> None:
        """Notes that the stages are through with a frame that was taken."""
        with self._change:
            self._taken = [k for k in self._taken if k > index]

    def may_be_looked_at(self, index: int) -> bool:
        """Whether a look at frame `index`, or one that began before it, may still give a result."""
        with self._change:
            waiting = self._frame is not None and self._frame.index <= index and not self._closed
            return waiting or any(k <= index for k in self._taken)

    def end(self) -> None:
        """Ends the iteration after the frame that it holds."""
        with self._change:
            self._ended = True
            self._change.notify_all()

    def close(self) -> None:
        """Ends the iteration at once."""
        with self._change:
            self._closed = True
            self._change.notify_all()
