"""Network streams through PyAV. The clock is ours, at a packet's arrival: their own starts anew when they are lost."""

from __future__ import annotations

import time
from collections import deque
from urllib.parse import urlsplit

import av
from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.frame import VideoFrame

from datasets.sources.config import SourceConfig
from datasets.sources.containers import http_options, open_container, reason, video_stream
from datasets.sources.files import VideoFile
from datasets.sources.live import Feed, Live
from datasets.sources.recorded import Recorded, check
from datasets.sources.redact import guard_library_logs, redact
from datasets.sources.upright import ToBgr, read_turn
from models.errors import SourceError
from tracker.protocols import SourceInfo
from tracker.types import UInt8

RTSP_OPTIONS = {"rtsp_flags": "prefer_tcp"}  # over UDP, lost packets tear pictures; servers without TCP still work


def open_address(address: str, config: SourceConfig) -> Recorded | Live:
    """A stream, or, where an HTTP server offers a file of known length, that recording with its own times."""
    check(config)
    try:
        name = redact(address)
    except ValueError:  # its message would show the address
        raise SourceError("the address cannot be understood; give it as scheme://host:port/path.") from None
    guard_library_logs(address)
    container = open_container(address, name, _options(address, config), config.stall)
    if urlsplit(address).scheme.lower() in ("http", "https") and container.duration is not None:
        return VideoFile(address, name, config, container)
    return StreamSource(address, name, config, container)


def _options(address: str, config: SourceConfig) -> dict[str, str]:
    scheme = urlsplit(address).scheme.lower()
    if scheme in ("rtsp", "rtsps"):
        return RTSP_OPTIONS
    return http_options(config) if scheme in ("http", "https") else {}


class StreamSource(Live):
    """A network stream; opening waits for its first picture."""

    def __init__(self, address: str, name: str, config: SourceConfig, container: InputContainer) -> None:
        super().__init__(name, config)
        self._address = address
        feed = StreamFeed(container, name, config.stall)
        try:
            _, frame = feed.read()
        except SourceError:
            feed.close()
            raise
        turn = read_turn(frame)
        self._to_bgr = ToBgr(turn)
        width, height = (frame.height, frame.width) if turn.transpose else (frame.width, frame.height)
        self.info = SourceInfo(name, width, height, rate=feed.rate, live=True, rotation=turn.rotation)
        self._start(feed)

    def _connect(self) -> Feed:
        options = _options(self._address, self._config)
        container = open_container(self._address, self._name, options, self._config.stall)
        return StreamFeed(container, self._name, self._config.stall)

    def _picture(self, item: object) -> UInt8:
        assert isinstance(item, VideoFrame)
        return self._to_bgr(item)


class StreamFeed:
    """One connection: every packet is decoded, since each leans on the one before; only taken frames are converted.

    A frame's moment is the arrival of the packet that brought it out of the decoder. Where frames are stored out of
    order that is later than its own packet's by a constant, which a clock that starts at the first frame does not see.
    """

    def __init__(self, container: InputContainer, name: str, stall: float) -> None:
        self._container = container
        self._name = name
        self._stall = stall
        self._waiting: deque[tuple[float, VideoFrame]] = deque()
        try:
            self._stream = video_stream(container, name)
            self._stream.thread_type = ThreadType.SLICE  # threads by frame would hold frames back
        except BaseException:
            container.close()
            raise
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.rate = float(rate) if rate else None
        self._packets = container.demux(self._stream)
        self._heard = time.monotonic()

    def read(self) -> tuple[float, VideoFrame]:
        while not self._waiting:
            try:
                packet = next(self._packets, None)
            except av.error.FFmpegError as error:
                raise SourceError(f"{self._name}: the stream broke off ({reason(error)}).") from None
            moment = time.monotonic()
            if packet is None or packet.size == 0:
                raise SourceError(f"{self._name}: the stream ended.")
            if moment - self._heard > self._stall and not self._waiting:  # packets come, but no picture
                raise SourceError(f"{self._name}: no picture for {self._stall:g} s.")
            try:
                frames = self._stream.decode(packet)
            except av.error.FFmpegError:
                continue  # torn on its way; the next key frame mends it
            self._waiting.extend((moment, frame) for frame in frames)
            if frames:
                self._heard = moment
        return self._waiting.popleft()

    def close(self) -> None:
        self._container.close()
