"""Video files, also ones that lie elsewhere: every frame with its own presentation time, through PyAV."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from datasets.sources.byte_reader import PipeBytes, SeekableBytes, is_pipe
from datasets.sources.config import SourceConfig
from datasets.sources.containers import (
    PIPED,
    TIMELESS,
    Media,
    declared_duration,
    decode_in_threads,
    describe_sound,
    http_options,
    open_bytes,
    open_container,
    open_file,
    open_pipe,
    reason,
    video_stream,
)
from datasets.sources.frame_times import from_zero, read_frame_times
from datasets.sources.orientation import ToBgr, Turn, read_turn
from datasets.sources.packet_times import FrameClock, PacketTimes, SeekTable, read_packet_times
from datasets.sources.recorded import Recorded, count
from datasets.sources.sparse_decoder import Numbered, SingleFrames, SparseDecoder
from models.errors import ChangedError, DataError, SourceError
from tracker.protocols import SourceInfo
from tracker.types import Float64, Int64, UInt8

logger = logging.getLogger(__name__)

Decoded = tuple[int | None, int, VideoFrame]  # pts in time_base units, frames lost before it, the frame


class VideoFile(Recorded):
    """A video file as a source; frame 0 is the first frame that is shown, at time 0.

    Args:
        location: a path, or an address that FFmpeg reads.
        name: name in messages, without credentials.
        config: which part to read, and which frame times to use.
        media: the file if it is already open; None opens it.
    """

    def __init__(self, location: Path | str, name: str, config: SourceConfig, media: Media | None = None) -> None:
        super().__init__(config)
        self._location = location
        self._name = name
        self._options: dict[str, str] = {} if isinstance(location, Path) else http_options(config)
        self._scanned: PacketTimes | None = None
        self._one_by_one: SingleFrames | None = None  # where not all frames are decoded
        self._times = None if config.times is None else from_zero(read_frame_times(config.times))
        self._media = media if media is not None else self._open()
        self._once = isinstance(self._media.bytes, PipeBytes)  # can be read only once and in order
        try:
            self._begin()
            first = next(self._decoded, None)
            if first is None:
                why = PIPED if self._once else "no frame of it can be decoded; it is damaged or holds no pictures"
                self._media.check()
                raise SourceError(f"{name}: {why}.")
            self._zero, _, frame = first
            own_clock = self._zero is not None and self._container.format.name not in TIMELESS
            if not own_clock and self._times is None and config.rate is None:
                raise SourceError(
                    f"{name}: it carries no times; state its rate in frames a second (--rate) or give a file of times"
                    " (--times)."
                )
            self._first: Decoded | None = first
            self._turn = read_turn(frame)
            self._to_bgr = ToBgr(self._turn, name)
            self.info = self._describe(frame)
        except BaseException:
            self.close()
            raise

    def _open(self, first: Media | None = None) -> Media:
        if first is not None and isinstance(first.bytes, SeekableBytes):
            return open_bytes(first.bytes.again(), self._name)
        if isinstance(self._location, Path):
            return open_file(self._location, self._name)
        return Media(open_container(self._location, self._name, self._options, self._config.stall))

    @property
    def _container(self) -> InputContainer:
        return self._media.container

    def _begin(self) -> None:
        """Resets the decoding state at the container's current position."""
        if self._media.bytes is not None:
            self._media.bytes.begin()
        self._stream = video_stream(self._container, self._name)
        decode_in_threads(self._stream.codec_context)
        self._damaged = 0
        self._broken: str | None = None
        self._decoded = self._decode()

    def _describe(self, frame: VideoFrame) -> SourceInfo:
        stream, config = self._stream, self._config
        width, height = (frame.height, frame.width) if self._turn.transpose else (frame.width, frame.height)
        own = stream.average_rate or stream.guessed_rate
        rate, frames = float(own) if own else None, stream.frames or None
        duration = declared_duration(self._container, stream)
        if duration is not None and rate:
            duration = max(0.0, duration - 1 / rate)  # the declared duration includes the last frame
            frames = frames or round(duration * rate) + 1
        if self._times is not None:
            frames, duration = len(self._times), float(self._times[-1])
            rate = (frames - 1) / duration if duration else None
        elif config.rate is not None:
            rate = config.rate
            duration = None if frames is None else (frames - 1) / rate
        return SourceInfo(
            name=self._name,
            width=width,
            height=height,
            rate=rate,
            frames=count(frames, duration, config),
            duration=duration,
            path=str(self._location) if isinstance(self._location, Path) and not self._once else None,
            rotation=self._turn.rotation,
            start=self._start(),
        )

    def _start(self) -> float:
        """Time of the first frame on the file's own clock in seconds; 0 if other frame times are given."""
        base = self._stream.time_base
        if self._times is not None or self._config.rate is not None or self._zero is None or base is None:
            return 0.0
        return self._zero * base.numerator / base.denominator

    def times(self) -> Float64:
        """(F,) seconds since the first frame, from one pass over the packets; repeated times are listed once.

        For a pipe this decodes all frames, which cannot be read again afterwards.
        """
        if self._once:
            return np.array([time for _, time, _ in self._candidates()])
        packets, pts = self._packets()
        if self._times is not None:
            return self._times
        if self._config.rate is not None:
            return np.arange(packets.count) / self._config.rate
        return packets.in_seconds(pts - (self._zero or 0))

    def details(self) -> dict[str, str | None]:
        """Codec, pixel format, container, audio, and damage of the file as a whole."""
        stream, under = self._stream, self._media.bytes
        sound = self._container.streams.audio
        problem = under.torn() if isinstance(under, SeekableBytes) else None
        if problem is None and not self._once and (repeated := self._packets()[0].repeated):
            problem = f"{repeated} frames have the time of another; a rate or a file of times gives another clock"
        return {
            "codec": stream.codec_context.name,
            "pixels": stream.codec_context.pix_fmt,
            "container": self._container.format.name.partition(",")[0],
            "audio": describe_sound(sound[0]) if sound else None,
            "problem": problem,
        }

    def _packets(self) -> tuple[PacketTimes, Int64]:
        """All packet times, and the times from the first frame on; read once."""
        if self._scanned is None:
            with self._open(self._media) as other:
                self._scanned = read_packet_times(other, video_stream(other.container, self._name))
        begin = 0 if self._zero is None else int(np.searchsorted(self._scanned.pts, self._zero))
        return self._scanned, self._scanned.pts[begin:]

    def _seconds(self, index: int, pts: int | None) -> float:
        if self._times is not None:
            if index >= len(self._times):
                raise DataError(
                    f"{self._config.times}: {len(self._times)} times, but {self._name} has more frames; give each one."
                )
            return float(self._times[index])
        if self._config.rate is not None:
            return index / self._config.rate
        if pts is None or self._zero is None:
            raise DataError(f"{self._name} frame {index}: it carries no time; give --rate or --times.")
        base = self._stream.time_base
        assert base is not None
        return (pts - self._zero) * base.numerator / base.denominator

    def _candidates(self) -> Iterator[tuple[int, float, object]]:
        if (table := self._sparse_table()) is None:
            yield from self._numbered(self._from_start() if self._config.start > 0 else 0)
            return
        config, seconds = self._config, self.seconds_of(table)[: len(table.pts)]
        first = min(int(np.searchsorted(seconds, config.start)), len(seconds) - 1)
        end = len(seconds) if config.end is None else int(np.searchsorted(seconds, config.end))
        self._reopen()
        planned = None if self._on_demand else lambda index: index % config.every == 0 and index < end
        self._one_by_one = one = SingleFrames(SparseDecoder(self._media, self._stream, table, planned), self._anew)
        for index in range(first, len(seconds)):
            yield index, float(seconds[index]), None
            if one.damaged:
                yield from one.rest(index)
                return
        if len(seconds) < len(table.pts):
            self._seconds(len(seconds), None)  # the file of times is too short
        if not self._closing:
            self._check_end(len(table.pts))

    def _numbered(self, index: int) -> Iterator[Numbered]:
        """All frames from the current position on, which is frame `index`, decoded."""
        while (decoded := self._next()) is not None:
            pts, lost, frame = decoded
            index += lost
            yield index, self._seconds(index, pts), frame
            index += 1
        if not self._closing:
            self._check_end(index)

    def _next(self) -> Decoded | None:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._decoded, None)

    def _sparse_table(self) -> SeekTable | None:
        """Where the frames lie, if they are needed in order and not all of them, and are exact; else None."""
        under = self._media.bytes
        if not self._in_order or not (self._on_demand or self._config.every > 1):
            return None
        return self.seek_table() if isinstance(under, SeekableBytes) and under.torn() is None else None

    def _anew(self) -> Iterator[Numbered]:
        """All frames from the beginning on, decoded."""
        self._reopen()
        self._begin()
        return self._numbered(0)

    def _reopen(self) -> None:
        """Opens the file anew, at its beginning."""
        again = self.reopened()
        self._media.close()
        self._media, self._first = again, None
        self._stream = video_stream(self._container, self._name)

    def _from_start(self) -> int:
        """Seeks to a key frame not after the start and returns its frame number.

        Frame numbers count over the whole file, so all packets are read once without decoding. If the packet times are
        not reliable (no presentation times, repeated times, a damaged file), decoding begins at frame 0: returns 0.
        """
        table = self.seek_table()
        if table is None:
            return 0
        landed = self._seek(table)
        if landed is None:
            self._reopen()
            self._begin()
            return 0
        return landed

    def seek_table(self) -> SeekTable | None:
        """The times at which frames lie and decoding can begin; None where only decoding from frame 0 is reliable."""
        zero = self._zero
        if zero is None or self._once or self._container.format.name in TIMELESS:
            return None
        packets, pts = self._packets()
        if not packets.exact or not len(pts) or pts[0] != zero:
            return None
        return SeekTable(pts, packets.keys[packets.keys > zero], packets.time_base)

    @property
    def turn(self) -> Turn:
        """What makes its images upright."""
        return self._turn

    @property
    def resizes(self) -> bool:
        """Whether images of another size are scaled to the first one's."""
        return self._config.resize

    @property
    def readable_once(self) -> bool:
        """Whether it is a pipe."""
        return self._once

    def reopened(self) -> Media:
        """The same file, opened once more."""
        return self._open(self._media)

    def seconds_of(self, table: SeekTable) -> Float64:
        """(F,) seconds since the first frame of the frames of `table`."""
        if self._times is not None:
            return self._times
        if self._config.rate is not None:
            return np.arange(len(table.pts)) / self._config.rate
        return table.in_seconds()

    def _seek(self, table: SeekTable) -> int | None:
        pts = table.pts
        target = min(int(np.searchsorted(self.seconds_of(table), self._config.start)), len(pts) - 1)
        keys = table.keys[table.keys <= pts[target]]
        if not len(keys):  # the start is before the second key frame: nothing to skip
            return 0
        # if the container's index is in decoding order, a seek may land late: then seek again, one key frame earlier
        for key in keys[::-1][:3]:
            try:
                self._container.seek(int(key), stream=self._stream)
            except av.error.FFmpegError:
                return None
            self._begin()
            # frames decoded before the first key frame refer to skipped frames
            first = next(dropwhile(lambda decoded: not decoded[2].key_frame, self._decoded), None)
            if first is None or first[0] is None:
                continue
            at = int(np.searchsorted(pts, first[0]))
            if at <= target and pts[at] == first[0]:
                self._first = (first[0], 0, first[2])
                return at
        return None

    def _decode(self) -> Iterator[Decoded]:
        """Frames in presentation order from the current position; damage loses or ends frames, but never raises."""
        clock = FrameClock(self._container, self._stream)
        held: Packet[VideoStream] | None = None  # marked as damaged; as the file's last packet it is cut and dropped
        try:
            for packet in self._media.packets(self._stream):
                if self._closing:
                    return
                if packet.size == 0 and held is not None:  # the end: only frames still in the decoder follow
                    self._damaged += 1
                elif held is not None:
                    yield from self._decode_packet(clock, held)
                held = packet if packet.is_corrupt and packet.size else None
                if held is None:
                    yield from self._decode_packet(clock, packet)
        except av.error.FFmpegError as error:
            self._broken = reason(error)
            yield from self._decode_packet(clock, None)

    def _decode_packet(self, clock: FrameClock, packet: Packet[VideoStream] | None) -> Iterator[Decoded]:
        if packet is not None and packet.size:
            clock.packet(packet)
        try:
            frames = self._stream.decode(packet)
        except av.error.FFmpegError:
            self._damaged += 1
            if packet is not None:
                clock.refused(packet)
            return
        for frame in frames:
            yield *clock.frame(frame), frame

    def _check_end(self, frames: int) -> None:
        """Raises an error for a damaged end; called after the last frame, so that no frame is lost."""
        under = self._media.bytes
        if isinstance(under, SeekableBytes) and (changed := under.changed()) is not None:
            raise ChangedError(f"{self._name}: {changed}; the {frames} frames before that were read.")
        missing = (under.torn() if isinstance(under, SeekableBytes) else None) or self._media.problem
        if missing is not None or self._broken is not None:
            raise SourceError(
                f"{self._name}: it breaks off after {frames} frames ({missing or self._broken}); all these were read."
            ) from self._media.failure
        if self._times is not None and frames < len(self._times):
            raise DataError(
                f"{self._config.times}: {len(self._times)} times, but {self._name} has {frames} frames; give each one."
            )
        if self._damaged:
            logger.warning("%s: %d packets are damaged and could not be decoded", self._name, self._damaged)

    def _picture(self, index: int, item: object) -> UInt8 | None:
        frame = self._one_by_one.frame(index) if item is None and self._one_by_one is not None else item
        if frame is None:
            return None
        assert isinstance(frame, VideoFrame)
        return self._to_bgr(frame)

    def close(self) -> None:
        """Ends the iteration at any point and closes the files."""
        self._media.stop()  # a waiting read holds the lock
        super().close()

    def _release(self) -> None:
        self._first = None
        self._media.close()


def open_video(path: Path, config: SourceConfig) -> VideoFile:
    """Opens a local video file or pipe; the format is detected from its content, not from its name."""
    if is_pipe(path):
        return VideoFile(path, path.name, config, open_pipe(path, path.name, config.stall + config.reconnect))
    return VideoFile(path, path.name, config)
