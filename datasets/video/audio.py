"""The audio of a source file, packet by packet: copied, never decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error
from av.bitstream import BitStreamFilterContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from datasets.sources.containers import open_file, video_stream
from datasets.storage.failures import shown
from datasets.storage.recordings import open_media


class Sound:
    """Reads the first audio track of a video file.

    Args:
        path: a video file, or the address of one.
        start: time from which audio is needed, seconds since the file's first frame.
        exact: whether the output container can hold audio that begins before its first frame (an edit list hides it).
            Then the packet that covers `start` is kept whole; otherwise audio begins with the next packet.

    Raises:
        SourceError: the file cannot be read.
        ValueError: the audio codec is unknown.
        LookupError: the file has no audio, or no frame to count time from.
    """

    def __init__(self, path: Path | str, start: float, exact: bool = True) -> None:
        name = path.name if isinstance(path, Path) else shown(path)
        self._media = open_file(path, name) if isinstance(path, Path) else open_media(path)
        try:
            container = self._media.container
            if not container.streams.audio or not container.streams.video:
                raise LookupError(f"{name}: no sound beside pictures.")
            self.stream = container.streams.audio[0]
            if self.stream.codec_context is None:
                raise ValueError("its codec is unknown")
            self._base = Fraction(self.stream.time_base or Fraction(1, self.stream.codec_context.sample_rate))
            # Frame times count from the first decoded frame, which may differ from the declared start of the stream.
            first = self._first_picture(video_stream(container, name))
            if first is None or first.pts is None or first.time_base is None:
                raise LookupError(f"{name}: no picture with a time.")
            self._offset = round((first.pts * first.time_base + Fraction(start)) / self._base)
            # Opus counts its pre-skip as negative time in every container, so for Opus it is always kept.
            self._exact = exact or self.stream.codec_context.name in ("opus", "libopus")
            # One second early: a seek is inexact, and the packet that covers `start` begins before it.
            container.seek(max(self._offset - round(1 / self._base), 0), stream=self.stream)
        except BaseException:
            self.close()
            raise
        self._packets = self._read()
        self._next: Any = next(self._packets, None)

    def _first_picture(self, stream: VideoStream) -> VideoFrame | None:
        for packet in self._media.packets(stream):
            with suppress(av.error.FFmpegError):
                if frames := stream.decode(packet):
                    return frames[0]
        return None

    def _read(self) -> Iterator[Any]:
        last: int | None = None
        for packet in self._media.packets(self.stream):
            if packet.pts is None or packet.dts is None or (last is not None and packet.dts <= last):
                continue  # muxers reject packets without a time or with the time of the previous packet
            begin = packet.pts - self._offset
            if (begin + (packet.duration or 0) if self._exact else begin + 1) <= 0:
                continue
            last = packet.dts
            packet.dts -= self._offset
            packet.pts = begin
            yield packet

    def until(self, end: float) -> Iterator[Any]:
        """The packets that begin before `end` seconds after the start and were not returned yet."""
        while self._next is not None and self._next.pts * self._base < end:
            packet, self._next = self._next, None
            yield packet
            self._next = next(self._packets, None)

    def repacking(self) -> Callable[[Any], list[Any]]:
        """The function that converts packets for another container: AAC in transport streams has a header in each
        packet (ADTS), AAC in other containers has one header for all packets.
        """
        if self.stream.codec_context.name != "aac" or self.stream.codec_context.extradata:
            return lambda packet: [packet]
        strip = BitStreamFilterContext("aac_adtstoasc", self.stream)

        def repack(packet: Any) -> list[Any]:
            pieces = strip.filter(packet)
            for piece in pieces:
                piece.time_base = self._base
            return pieces

        return repack

    def close(self) -> None:
        """Closes the file. Calling it again does nothing."""
        self._media.close()
