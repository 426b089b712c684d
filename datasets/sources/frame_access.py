"""Frames of a recorded source by position, exactly as reading it in order gives them.

One thread decodes: first what is waited for, the latest request first; then ahead, in the direction in which frames
were asked for. Decoded frames are kept, the latest used ones, within a bound in bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from datasets.sources.frame_cursors import Cursor, HeldFrame, cursor_of
from datasets.sources.frame_list import FrameList
from datasets.sources.recorded import Closing, Recorded
from models.errors import LiquidTrackError, SourceError
from tracker.types import Float64, Frame, Int64

KEPT_BYTES = 160 << 20  # fifty images of 1080p as YUV
AHEAD_FRAMES = 48  # decoded ahead of the last frame that was asked for, as far as the memory allows
JUMP_STRETCH = 8  # frames before the target of a jump that are kept: the decoder passes over many of the others
JUMP_FRAMES = 64  # a request so far from the last one is a jump, after which the direction is unknown


@dataclass(eq=False, slots=True)
class _Request:
    position: int
    future: Future[HeldFrame]


class FrameReader(Closing):
    """Frames by position, for many threads.

    Args:
        reopen: opens the source; called again where it must be read from its start.
        frames: the list of its frames, see `list_frames`.
        kept_bytes: memory for decoded frames.
        ahead: number of frames that are decoded ahead; 0: none.
        threads: threads of a video's decoder; 0: as many as it likes.

    Attributes:
        info: properties of the source.

    Raises:
        LiquidTrackError: the source cannot be opened.
    """

    def __init__(
        self,
        reopen: Callable[[], Recorded],
        frames: FrameList,
        *,
        kept_bytes: int = KEPT_BYTES,
        ahead: int = AHEAD_FRAMES,
        threads: int = 0,
    ) -> None:
        source = reopen()
        self.info = source.info
        self._frames = frames
        try:
            self._cursor: Cursor = cursor_of(source, reopen, frames.table, threads)
        except BaseException:
            source.close()
            raise
        self._kept: OrderedDict[int, HeldFrame] = OrderedDict()  # by position, the last used at the end
        self._bytes, self._most_bytes = 0, kept_bytes
        frame_bytes = 3 * self.info.width * self.info.height // 2
        room = max(2, kept_bytes // max(1, frame_bytes))
        self._ahead = min(ahead, room // 3)
        self._stretch = max(1, min(AHEAD_FRAMES, room // 4))  # frames before a wanted one that are kept with it
        self._lost: dict[int, str] = {}  # positions that cannot be decoded, and why
        self._requests: list[_Request] = []
        self._last, self._direction = -1, 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, daemon=True, name="liquidtrack-frames")
        self._thread.start()

    @property
    def numbers(self) -> Int64:
        """(F,) the source's number of each frame."""
        return self._frames.numbers

    @property
    def times(self) -> Float64:
        """(F,) seconds since the source's first frame."""
        return self._frames.times

    @property
    def held_bytes(self) -> int:
        """Memory of the decoded frames that are kept."""
        return self._bytes

    def __len__(self) -> int:
        return len(self.numbers)

    def holds(self, position: int) -> bool:
        """Whether the frame is decoded and kept."""
        return position in self._kept

    def get(self, position: int) -> Frame:
        """The frame at `position`, 0..F-1.

        Raises:
            SourceError: it cannot be decoded.
            IndexError: there is no such position.
        """
        held = self.submit(position).result()
        return Frame(held.image(), held.number, float(self.times[position]))

    def submit(self, position: int) -> Future[HeldFrame]:
        """The frame at `position` once it is decoded; cancelling it gives the request up."""
        if not 0 <= position < len(self):
            raise IndexError(f"there is no frame {position}; there are {len(self)}.")
        future: Future[HeldFrame] = Future()
        with self._changed:
            if self._closing:
                raise SourceError(f"{self.info.name} is closed.")
            self._turn_to(position)
            if (held := self._kept.get(position)) is not None:
                self._kept.move_to_end(position)
                future.set_result(held)
            elif position in self._lost:
                future.set_exception(SourceError(self._lost[position]))
            else:
                self._requests.append(_Request(position, future))
            self._changed.notify()
        return future

    def start_of(self, position: int) -> int:
        """The position at or before this one that is decoded fastest: of the key frame."""
        number = self._cursor.first_needed(int(self.numbers[position]))
        return min(position, int(np.searchsorted(self.numbers, number)))

    def close(self) -> None:
        """Ends decoding and closes the source; waiting requests fail."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _turn_to(self, position: int) -> None:
        step = position - self._last
        if abs(step) > JUMP_FRAMES or self._last < 0:
            self._direction = 1
        elif step:
            self._direction = 1 if step > 0 else -1
        self._last = position

    def _work(self) -> None:
        while True:
            with self._changed:
                while (goal := self._goal()) is None and not self._closing:
                    self._changed.wait()
                if goal is None or self._closing:
                    break
            try:
                self._decode(*goal)
            except Exception as error:
                self._fail(goal[0], error)
        self._cursor.close()
        with self._changed:
            for request in self._requests:
                if request.future.set_running_or_notify_cancel():
                    request.future.set_exception(SourceError(f"{self.info.name} is closed."))
            self._requests.clear()
            self._kept.clear()

    def _goal(self) -> tuple[int, int] | None:
        """(position to decode, first position that is kept on the way); None where there is nothing to do."""
        self._requests = [request for request in self._requests if not request.future.cancelled()]
        if self._requests:
            wanted = self._requests[-1].position
            stretch = self._stretch if self._direction < 0 else min(self._stretch, JUMP_STRETCH)
            return wanted, max(0, wanted - stretch + 1)
        if self._last < 0 or not self._ahead:
            return None
        if self._direction >= 0:
            for position in range(self._last + 1, min(len(self), self._last + 1 + self._ahead)):
                if self._missing(position):
                    return position, position
            return None
        for position in range(self._last - 1, max(-1, self._last - 1 - self._ahead), -1):
            if self._missing(position):
                return position, max(0, position - self._stretch + 1)
        return None

    def _missing(self, position: int) -> bool:
        return position not in self._kept and position not in self._lost

    def _decode(self, wanted: int, keep: int) -> None:
        """Decodes until `wanted`, or until something more urgent is asked for."""
        numbers = self.numbers
        self._cursor.seek(int(numbers[wanted]), int(numbers[keep]))
        while not self._overtaken(wanted):
            held = self._cursor.next()
            if held is None or held.number > numbers[wanted]:
                self._give_up(wanted, f"{self.info.name}: frame {numbers[wanted]} is damaged and cannot be shown.")
            if held is None:
                return
            position = int(np.searchsorted(numbers, held.number))
            chosen = position < len(numbers) and numbers[position] == held.number
            if chosen and position >= keep:
                self._keep(position, held)
            if position >= wanted:
                return

    def _overtaken(self, wanted: int) -> bool:
        with self._changed:
            return self._closing or bool(self._requests and self._requests[-1].position != wanted)

    def _keep(self, position: int, held: HeldFrame) -> None:
        with self._changed:
            if (before := self._kept.pop(position, None)) is not None:
                self._bytes -= before.nbytes
            self._kept[position] = held
            self._bytes += held.nbytes
            while self._bytes > self._most_bytes and len(self._kept) > 2:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
            for request in self._taken(position):
                request.future.set_result(held)

    def _give_up(self, position: int, reason: str) -> None:
        with self._changed:
            self._lost[position] = reason
            for request in self._taken(position):
                request.future.set_exception(SourceError(reason))

    def _fail(self, position: int, error: Exception) -> None:
        """An error of the source: nothing is decoded ahead until something else is asked for."""
        with self._changed:
            self._last = -1
            for request in self._taken(position):
                known = isinstance(error, LiquidTrackError)
                request.future.set_exception(error if known else SourceError(f"{self.info.name}: {error}."))

    def _taken(self, position: int) -> list[_Request]:
        """The requests for a position, which leave the queue."""
        taken = [request for request in self._requests if request.position == position]
        self._requests = [request for request in self._requests if request.position != position]
        return [request for request in taken if request.future.set_running_or_notify_cancel()]
