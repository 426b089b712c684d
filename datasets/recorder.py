"""What a camera or stream delivers, kept as a video file: every frame at its own time, whether it is tracked or not."""

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

CRF = 18  # of H.264: a loss that is hardly seen
QUEUE_BYTES = 256 << 20  # of frames that wait to be written: 1.4 s of 1080p at 30 Hz
MIN_QUEUE_FRAMES = 8  # frames


class Recorder:
    """Writes the frames of a live source before its newest-wins slot, in a thread of its own. A context manager.

    Frame k of the source is picture k of the file, at the same second. So that this holds, a frame for which there is
    no room (the encoder is slower than the camera, and as much waits as memory may hold) is left out of both, and
    counted in the source's `unrecorded`.

    Nothing is written before `begin`, except where the frames that wait would fill half of the room.

    Args:
        path: the file to write; its suffix chooses the container.
        source: of the frames; it is closed where the recording fails, and the recorder's end says why.
        begin: called before the first byte is written, from the recorder's thread.

    Raises:
        ConfigError: the suffix is unknown, or cannot be written by this installation.
    """

    def __init__(self, path: Path | str, source: Live, begin: Callable[[], None] = lambda: None) -> None:
        self.path = Path(path)
        self.frames = 0  # that were written
        check_video(self.path)
        self._source = source
        self._begin = begin
        self._room = max(MIN_QUEUE_FRAMES, QUEUE_BYTES // (3 * source.info.width * source.info.height))
        self._waiting: deque[tuple[float, Callable[[], UInt8]]] = deque()
        self._change = threading.Condition()  # guards all below, and what waits
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
        """Writes what waits and finishes the file.

        Raises:
            LiquidTrackError: the recording failed; what was written before stays readable. Not over another error.
        """
        with self._change:
            self._over = True
            self._change.notify_all()
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def begin(self) -> None:
        """The run is under way: frames may be written. Further calls do nothing."""
        if not self._begun:
            with self._change:
                self._begun = True
                self._change.notify_all()

    def _take(self, time: float, picture: Callable[[], UInt8]) -> bool:
        """Called from the source's reader, which must not wait; False: there is no room."""
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
        except Exception as error:  # whatever it was, it belongs in front of the person, not in a dead thread
            with self._change:
                self._error, self._over = error, True
                self._waiting.clear()
            self._source.close()

    def _next(self) -> tuple[float, Callable[[], UInt8]] | None:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._over)
            return self._waiting.popleft() if self._waiting else None
