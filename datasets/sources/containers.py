"""Opens containers with FFmpeg and selects the video stream. Errors are one sentence, without credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import av
from av.audio.stream import AudioStream
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from datasets.sources.byte_reader import BUFFER, Bytes, FileBytes, PipeBytes, SeekableBytes
from datasets.sources.config import SourceConfig
from datasets.sources.images import MAX_PIXELS
from models.errors import LiquidTrackError, SourceError
from models.runtime.compute import decoder_threads

NOT_VIDEO = frozenset(("tty", "bin", "xbin", "adf", "idf"))  # demuxers that render any text as an image
PIPED = (
    "not a video that can be read from a pipe, in which nothing is sought; give the file itself, or write Matroska or"
    " a transport stream into the pipe"
)
# Demuxers that assume 25 frames a second (FFmpeg's `framerate` option), since the file contains no times.
TIMELESS = frozenset(
    ["h264", "hevc", "vvc", "evc", "obu", "avs2", "avs3", "cavsvideo", "h261", "h263", "m4v", "mpegvideo", "vc1"]
)
TIMELESS |= {"mjpeg", "mpjpeg", "mjpeg_2000", "dirac", "dnxhd", "rawvideo", "bitpacked"}
BOUNDED = {"max_pixels": str(MAX_PIXELS)}  # decoder option; the default allows 2^31
LOCAL = {"protocol_whitelist": "file,crypto,data"}  # a file must not open network connections
CONNECT_S = 10.0  # how long to wait for a server's first response
LONGEST_PAUSE_S = 4000.0  # longest pause between attempts that FFmpeg takes, seconds


class Media:
    """A container that is open for reading, and its byte stream if it is local.

    Attributes:
        container: container of PyAV.
        bytes: byte stream that FFmpeg reads; None for an address.
    """

    def __init__(self, container: InputContainer, under: Bytes | None = None) -> None:
        self.container = container
        self.bytes = under

    @property
    def problem(self) -> str | None:
        """Why its bytes ended early, as the last part of a sentence, or None."""
        return None if self.bytes is None else self.bytes.problem

    @property
    def failure(self) -> LiquidTrackError | None:
        """Why its bytes ended early, where that is no fault of the file."""
        return self.bytes.failure if isinstance(self.bytes, SeekableBytes) else None

    def check(self) -> None:
        """Raises LiquidTrackError if its bytes ended early for a reason outside the file."""
        if isinstance(self.bytes, SeekableBytes):
            self.bytes.check()

    def stop(self) -> None:
        """Ends a waiting read; may be called from any thread."""
        if self.bytes is not None:
            self.bytes.stop()

    def packets(self, stream: Any) -> Iterator[Packet[Any]]:
        """The packets of `stream`, then an empty packet; see the function `packets`."""
        return packets(self.container, stream, None if self.bytes is None else self.bytes.packet)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Calling it again does nothing."""
        self.container.close()
        if self.bytes is not None:
            self.bytes.close()


def packets(
    container: InputContainer, stream: Any, progress: Callable[[], None] | None = None
) -> Iterator[Packet[Any]]:
    """The packets of one stream, and an empty packet at the end that flushes its decoder.

    Args:
        container: the container, read from its current position.
        stream: the stream to read.
        progress: called for each packet of any stream.

    Raises:
        av.error.FFmpegError: the container is damaged.
    """
    try:
        for packet in container.demux(stream) if progress is None else container.demux():
            if progress is not None and packet.size:
                progress()
            if packet.stream is stream:
                yield packet
    except IndexError:
        # A damaged transport stream may announce another stream while it is read. PyAV does not know that stream and
        # fails at the very end, after the empty packet of `stream`.
        return


def open_container(
    address: str, name: str, options: dict[str, str], stall: float, patience: float = CONNECT_S
) -> InputContainer:
    """Opens an address.

    Args:
        address: the address.
        name: name in messages.
        options: FFmpeg's options for protocol and demuxer.
        stall: timeout of reading, seconds.
        patience: timeout of opening, seconds.

    Raises:
        SourceError: it cannot be reached, or is not a video.
    """
    return _open(address, name, options, (patience, stall), lambda: None)


def open_file(path: Path, name: str) -> Media:
    """Opens a local file; FFmpeg treats any path as a file, never as an address.

    Args:
        path: the file.
        name: name in messages.

    Raises:
        SourceError: it is missing, empty, unreadable or not a video.
    """
    return open_bytes(FileBytes(path, name), name)


def open_bytes(under: SeekableBytes, name: str) -> Media:
    """Opens what is in a file; the bytes are closed with it, or at once where it is no video.

    Args:
        under: the bytes.
        name: name in messages.

    Raises:
        SourceError: it is not a video.
    """
    return _under(under, name, under.torn)


def open_pipe(path: Path, name: str, patience: float) -> Media:
    """Opens a pipe, whose content can be read only once and in order.

    Args:
        path: the pipe.
        name: name in messages.
        patience: seconds to wait for data.

    Raises:
        SourceError: no data comes, or it is not a video that can be read in order.
    """
    return _under(PipeBytes(path, name, patience), name, lambda: PIPED)


def _under(under: Bytes, name: str, missing: Callable[[], str | None]) -> Media:
    try:
        container = _open(under, name, LOCAL, None, lambda: under.problem or missing())
    except BaseException:
        under.close()
        if isinstance(under, SeekableBytes):
            under.check()
        raise
    under.begin()  # bytes read for format detection do not count
    return Media(container, under)


def _open(
    target: Any,
    name: str,
    options: dict[str, str],
    timeout: tuple[float, float] | None,
    missing: Callable[[], str | None],
) -> InputContainer:
    try:
        # options unknown to the container are passed to the decoders that probe its streams
        container: InputContainer = av.open(
            target, "r", options=BOUNDED | options, metadata_errors="replace", timeout=timeout, buffer_size=BUFFER
        )
    except av.error.InvalidDataError:
        raise SourceError(f"{name}: {missing() or 'not a video; its content is damaged or of another kind'}.") from None
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(f"{name}: it cannot be opened ({reason(error)}).") from None
    if container.format.name in NOT_VIDEO:
        container.close()
        raise SourceError(f"{name}: not a video, but a text.")
    return container


def http_options(config: SourceConfig) -> dict[str, str]:
    """Options with which a recording behind an address resumes after a broken connection."""
    longest = str(int(min(config.reconnect, LONGEST_PAUSE_S)))
    return {"reconnect": "1", "reconnect_delay_max": longest} if config.reconnect >= 1 else {}


def reason(error: BaseException) -> str:
    """The library's error message without the address in it."""
    if isinstance(error, av.error.ExitError):
        return "no answer in time"
    if isinstance(error, av.error.BlockingIOError):  # raised by a demuxer that keeps reading and finds nothing
        return "what follows is damaged"
    return getattr(error, "strerror", None) or type(error).__name__


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The first real video stream; cover images of audio files do not count."""
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue
        if stream.codec_context is None:
            raise SourceError(f"{name}: this PyAV build has no decoder for its video; convert it to H.264.")
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MAX_PIXELS:
            raise SourceError(
                f"{name}: its pictures are {width}x{height}, and {MAX_PIXELS} pixels are the most; scale it down."
            )
        if not stream.codec_context.is_open:
            stream.codec_context.options = BOUNDED  # a damaged header may declare any size later
        return stream
    kinds = sorted({stream.type for stream in container.streams})
    raise SourceError(f"{name}: there is no video in it, only {' and '.join(kinds) or 'nothing'}.")


def decode_in_threads(context: VideoCodecContext, threads: int = 0) -> None:
    """Lets a decoder that is not open yet use this many threads; 0: its share of the machine."""
    if not context.is_open:
        context.thread_type = ThreadType.AUTO
        context.thread_count = threads or decoder_threads()


def describe_sound(stream: AudioStream) -> str:
    """Codec, sample rate and channels as far as they are known."""
    if stream.codec_context is None:
        return "of an unknown codec"
    rate = f"{stream.rate} Hz" if stream.rate else "unknown rate"
    layout = stream.layout
    return f"{stream.codec_context.name}, {rate}, {layout.name if layout is not None else 'unknown channels'}"


def declared_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds from the first frame to the end of the last according to the file's header, or None."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is None:
        return None
    length = container.duration / av.time_base
    if "matroska" in container.format.name and stream.start_time is not None and stream.time_base is not None:
        length -= float(stream.start_time * stream.time_base)  # Matroska's counts from 0, not from the first frame
    return max(0.0, length)
