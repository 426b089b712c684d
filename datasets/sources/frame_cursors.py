"""Cursors over a recorded source: they go to a frame number and decode from there in order.

A cursor belongs to one thread. The images of its frames are made when they are asked for, in any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import dropwhile
from typing import Protocol

import av
import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from datasets.sources.containers import Media, decode_in_threads, video_stream
from datasets.sources.images import ImageSource
from datasets.sources.orientation import ToBgr
from datasets.sources.packet_times import SeekTable
from datasets.sources.recorded import Deferred, Recorded, fitted
from datasets.sources.video_files import VideoFile
from models.errors import SourceError
from tracker.types import UInt8

# Decoders that leave out frames to which no other refers, and give all others to the bit.
SKIPPING = frozenset(("h264", "mpeg4", "mpeg2video", "mpeg1video"))
NEAR_FRAMES = 12  # decoding so many frames on costs less than going to a key frame
TRIES = 3  # key frames that are tried, where a container leads behind the place that it is asked for


@dataclass(frozen=True, eq=False, slots=True)
class HeldFrame:
    """A decoded frame.

    Attributes:
        number: its number in the source.
        nbytes: memory that it holds.
        image: makes its (H, W, 3) uint8 BGR image, upright; SourceError where that fails.
    """

    number: int
    nbytes: int
    image: Callable[[], UInt8]


class Cursor(Protocol):
    """Goes to frame numbers, and decodes from there."""

    def first_needed(self, number: int) -> int:
        """The frame at or before `number` at which decoding must begin."""
        ...

    def seek(self, number: int, keep: int) -> None:
        """Makes `next` give frames at or before `number`; frames before `keep` may be left out."""
        ...

    def next(self) -> HeldFrame | None:
        """The next frame in rising order of numbers; None at the end.

        Raises:
            SourceError: the source cannot be read any further.
        """
        ...

    def close(self) -> None: ...


def cursor_of(source: Recorded, reopen: Callable[[], Recorded], table: SeekTable | None, threads: int = 0) -> Cursor:
    """The cursor that suits a source.

    Args:
        source: the source, open; a video stays open as long as its cursor is used.
        reopen: opens the source once more.
        table: the source's `SeekTable`; None decodes from the start.
        threads: threads of the decoder; 0: as many as it likes.
    """
    if isinstance(source, ImageSource):
        return ImageCursor(source)
    if isinstance(source, VideoFile) and table is not None:
        return VideoCursor(source, table, threads)
    return SequentialCursor(source, reopen)


class ImageCursor:
    """Images in files, in any order."""

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self._numbers = source.numbers()
        self._next = 0

    def first_needed(self, number: int) -> int:
        return number

    def seek(self, number: int, keep: int) -> None:
        self._next = int(np.searchsorted(self._numbers, number))

    def next(self) -> HeldFrame | None:
        if self._next == len(self._numbers):
            return None
        k, self._next = self._next, self._next + 1
        number = int(self._numbers[k])
        try:
            bgr = self._source.image(k)
        except SourceError as error:  # of this image alone
            return HeldFrame(number, 0, partial(_fail, str(error)))
        return HeldFrame(number, bgr.nbytes, lambda: bgr)

    def close(self) -> None:
        self._source.close()


def _fail(reason: str) -> UInt8:
    raise SourceError(reason)


class SequentialCursor:
    """Any source, decoded from its start: where it has no key frames, or their times are not reliable."""

    def __init__(self, source: Recorded, reopen: Callable[[], Recorded]) -> None:
        self._source, self._reopen = source, reopen
        self._frames: Iterator[Deferred] | None = None
        self._at = -1
        self._nbytes = 3 * source.info.width * source.info.height

    def first_needed(self, number: int) -> int:
        return 0

    def seek(self, number: int, keep: int) -> None:
        if self._frames is None or number <= self._at:
            self._source.close()
            self._source = self._reopen()
            self._frames, self._at = self._source.deferred(), -1

    def next(self) -> HeldFrame | None:
        if self._frames is None:
            self.seek(0, 0)
        assert self._frames is not None
        found = next(self._frames, None)
        if found is None:
            return None
        self._at, _, image = found
        return HeldFrame(self._at, self._nbytes, image)

    def close(self) -> None:
        self._source.close()


class VideoCursor:
    """A video with exact packet times, decoded from its key frames.

    Args:
        source: the video.
        table: where its frames lie.
        threads: threads of the decoder; 0: as many as it likes.
    """

    def __init__(self, source: VideoFile, table: SeekTable, threads: int = 0) -> None:
        self._source, self._table, self._threads = source, table, threads
        self._keys = np.searchsorted(table.pts, table.keys)  # frame numbers
        self._name, self._size, self._resize = source.info.name, (source.info.width, source.info.height), source.resizes
        self._converting = threading.Lock()  # a converter works for one thread at a time
        self._to_bgr: ToBgr | None = None
        self._pending: tuple[int, VideoFrame] | None = None
        self._keep = self._left_out = int(table.pts[0]) - 1  # times: where frames are needed from, last one left out
        self._early = 0  # how many key frames before the nearest one this container must be asked for
        self._media = self._open()

    def _open(self) -> Media:
        media = self._source.reopened()
        self._stream = video_stream(media.container, self._name)
        decode_in_threads(self._stream.codec_context, self._threads)
        self._skipping = self._stream.codec_context.name in SKIPPING
        self._begin(media)
        self._at = -1  # number of the frame before the next one, as far as known
        return media

    def _begin(self, media: Media) -> None:
        if media.bytes is not None:
            media.bytes.begin()
        self._decoded = self._decode(media)
        self._pending = None
        self._left_out = int(self._table.pts[0]) - 1

    def first_needed(self, number: int) -> int:
        k = int(np.searchsorted(self._keys, number, "right"))
        return int(self._keys[k - 1]) if k else 0

    def seek(self, number: int, keep: int) -> None:
        self._keep = int(self._table.pts[keep])
        here = self._at < number and self._left_out < self._table.pts[max(keep, self._at + 1)]
        if here and (self.first_needed(number) <= self._at + 1 or number - self._at <= NEAR_FRAMES):
            return
        k = int(np.searchsorted(self._keys, number, "right"))
        for early in range(self._early, self._early + TRIES):
            if early >= k:
                break
            if self._land(int(self._keys[k - early - 1])) <= number:
                self._early = early
                return
        self._media.close()
        self._media = self._open()

    def _land(self, key: int) -> float:
        """Goes to a key frame; returns the number of the first whole frame there, infinity where there is none."""
        try:
            self._media.container.seek(int(self._table.pts[key]), stream=self._stream)
        except av.error.FFmpegError:
            return np.inf
        self._begin(self._media)
        # frames decoded before the first key frame refer to frames that were passed over
        first = next(dropwhile(lambda item: not item[1].key_frame, self._decoded), None)
        if first is None or first[0] is None:
            return np.inf
        self._pending = first[0], first[1]
        self._at = first[0] - 1
        return first[0]

    def next(self) -> HeldFrame | None:
        if self._pending is not None:
            (number, frame), self._pending = self._pending, None
        else:
            found = next(((n, frame) for n, frame in self._decoded if n is not None and n > self._at), None)
            if found is None:
                self._at = len(self._table.pts)
                return None
            number, frame = found
        self._at = number
        nbytes = sum(plane.buffer_size for plane in frame.planes)
        return HeldFrame(number, nbytes, partial(self._image, number, frame))

    def _image(self, number: int, frame: VideoFrame) -> UInt8:
        with self._converting:
            if self._to_bgr is None:
                self._to_bgr = ToBgr(self._source.turn, self._name)
            return fitted(self._to_bgr(frame), self._size, self._resize, f"{self._name} frame {number}")

    def _decode(self, media: Media) -> Iterator[tuple[int | None, VideoFrame]]:
        """(number, frame) from the container's position on; number None for a frame that is not in the table."""
        context = self._stream.codec_context
        held = None  # marked as damaged; as the file's last packet it is cut and dropped
        try:
            for packet in media.packets(self._stream):
                if packet.size == 0 and held is not None:
                    held = None
                elif held is not None:
                    yield from self._decode_packet(held)
                held = packet if packet.is_corrupt and packet.size else None
                if held is None:
                    if self._skipping:
                        unneeded = packet.pts is not None and packet.pts < self._keep
                        context.skip_frame = "NONREF" if unneeded else "DEFAULT"
                        if packet.pts is not None and unneeded:
                            self._left_out = max(self._left_out, packet.pts)
                    yield from self._decode_packet(packet)
        except av.error.FFmpegError:
            yield from self._decode_packet(None)

    def _decode_packet(self, packet: av.Packet[VideoStream] | None) -> Iterator[tuple[int | None, VideoFrame]]:
        try:
            frames = self._stream.decode(packet)
        except av.error.FFmpegError:
            return
        for frame in frames:
            yield self._number(frame.pts if frame.pts is not None else frame.dts), frame

    def _number(self, pts: int | None) -> int | None:
        if pts is None:
            return None
        k = int(np.searchsorted(self._table.pts, pts))
        return k if k < len(self._table.pts) and self._table.pts[k] == pts else None

    def close(self) -> None:
        self._media.close()
        self._source.close()
