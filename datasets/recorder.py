"""Records a camera or stream as a video file: every frame at its own time, whether it is tracked or not."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from datasets.sources.live import Live
from datasets.video.writer import VideoWriter, check_video
from tracker.types import UInt8

CRF = 18  # H.264 quality: a barely visible loss
QUEUE_BYTES = 256 << 20  # of frames that wait for the encoder: 1.4 s of 1080p at 30 Hz
MIN_QUEUE_FRAMES = 8  # smallest queue, frames


class Recorder:
    """Writes the frames of a live source ahead of its newest-wins slot, in a separate thread. A context manager.

    Frame k of the source is frame k of the file, at the same time in seconds. If the encoder is slower than the camera
    and the queue is full, a frame is dropped from both and counted in the source's `unrecorded`.

    Nothing is written before `begin`, unless the waiting frames fill half of the queue.

    Args:
        path: the file to write; its suffix selects the container.
        source: source of the frames. It is closed if the recording fails; leaving the context raises the error.
        begin: called before the first byte is written, from the recorder's thread.

    Raises:
        ConfigError: the suffix is unknown, or cannot be written by this installation.
    """

    def __init__(self, path: Path | str, source: Live, begin: Callable[[], None] = lambda: None) -> None:
        self.path = Path(path)
        self.frames = 0  # number of frames written
        check_video(self.path)
        self._source = source
        self._begin = begin
        self._room = max(MIN_QUEUE_FRAMES, QUEUE_BYTES // (3 * source.info.width * source.info.height))
        self._waiting: deque[tuple[float, Callable[[], UInt8]]] = deque()
        self._change = threading.Condition()  # guards the attributes below and the queue
        self._begun = self._over = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=f"recorder of {self.path.name}", daemon=True)
        source.record(self._take)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Writes the waiting frames and finishes the file.

        Raises:
            LiquidTrackError: the recording failed; the part written before stays readable. Another error that is
                already being raised takes precedence.
        """
        with self._change:
            self._over = True
            self._change.notify_all()
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def begin(self) -> None:
        """Allows frames to be written, since the run has started. Further calls do nothing."""
        if not self._begun:
            with self._change:
                self._begun = True
                self._change.notify_all()

    def _take(self, time: float, picture: Callable[[], UInt8]) -> bool:
        """Called from the source's reader thread, which must not wait. Returns False if the queue is full."""
        with self._change:
            if self._over:
                return True
            if len(self._waiting) >= self._room:
                return False
            self._waiting.append((time, picture))
            self._change.notify_all()
            return True

    def _work(self) -> None:
        """The recorder's thread."""
        try:
            with self._change:
                self._change.wait_for(lambda: self._begun or self._over or 2 * len(self._waiting) >= self._room)
                if self._over and not self._begun:  # the run failed before its first tracked frame
                    self._waiting.clear()
                    return
            self._begin()
            with VideoWriter(self.path, crf=CRF, rate=self._source.info.rate) as writer:
                while (item := self._next()) is not None:
                    time, picture = item
                    writer.write(picture(), time)
                    self.frames += 1
        except Exception as error:  # any error must reach the user instead of being lost with the thread
            with self._change:
                self._error, self._over = error, True
                self._waiting.clear()
            self._source.close()

    def _next(self) -> tuple[float, Callable[[], UInt8]] | None:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._over)
            return self._waiting.popleft() if self._waiting else None
