"""Network streams through PyAV, on this machine's monotonic clock, which goes on while a stream is lost."""

from __future__ import annotations

import math
import time
from collections import deque
from urllib.parse import urlsplit

import av
from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.frame import VideoFrame

from datasets.sources.config import SourceConfig
from datasets.sources.containers import Media, http_options, open_container, packets, reason, video_stream
from datasets.sources.credentials import guard_library_logs, strip_credentials
from datasets.sources.live import Feed, Live
from datasets.sources.orientation import ToBgr, read_turn
from datasets.sources.recorded import Recorded, check
from datasets.sources.video_files import TIMELESS, VideoFile
from models.errors import SourceError
from tracker.protocols import SourceInfo
from tracker.types import UInt8

FRESH_S = 0.002  # a packet that was waited for longer than this was not in a buffer; at 25 Hz one takes 40 ms
DRIFT = 1e-3  # quartz clocks differ by less than 1e-4; ten times that also follows a network whose delay has grown
LATE_S = 10.0  # a delay beyond this is taken for a jump of the stream's clock; reading times out before that
SEGMENTED = frozenset(
    ("hls", "dash")
)  # they bring seconds of video at once, with exact times: recordings in the making
RTSP_OPTIONS = {"rtsp_flags": "prefer_tcp"}  # over UDP, lost packets tear pictures; servers without TCP still work


def open_address(address: str, config: SourceConfig) -> Recorded | Live:
    """A stream; or, where an HTTP server offers a file of known length or segments, a recording with its own times."""
    check(config)
    try:
        name = strip_credentials(address)
    except ValueError:  # its message would show the address
        raise SourceError("the address cannot be understood; give it as scheme://host:port/path.") from None
    guard_library_logs(address)
    container = open_container(address, name, _options(address, config), config.stall)
    web = urlsplit(address).scheme.lower() in ("http", "https")
    if web and (container.duration is not None or container.format.name in SEGMENTED):
        return VideoFile(address, name, config, Media(container))
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
        self._to_bgr = ToBgr(turn, name)
        width, height = (frame.height, frame.width) if turn.transpose else (frame.width, frame.height)
        self.info = SourceInfo(name, width, height, rate=feed.rate, live=True, rotation=turn.rotation)
        self._start(feed)

    def _connect(self, patience: float) -> Feed:
        options = _options(self._address, self._config)
        container = open_container(self._address, self._name, options, self._config.stall, patience)
        return StreamFeed(container, self._name, self._config.stall)

    def _picture(self, item: object) -> UInt8:
        assert isinstance(item, VideoFrame)
        return self._to_bgr(item)


class StreamFeed:
    """One connection: every packet is decoded, since each leans on the one before; only taken frames are converted."""

    def __init__(self, container: InputContainer, name: str, stall: float) -> None:
        self._container = container
        self._name = name
        self._stall = stall
        self._waiting: deque[tuple[float, VideoFrame]] = deque()
        self._clock = StreamClock()
        self._timeless = container.format.name in TIMELESS
        self._fresh = False
        try:
            self._stream = video_stream(container, name)
            self._stream.thread_type = ThreadType.SLICE  # threads by frame would hold frames back
        except BaseException:
            container.close()
            raise
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.rate = float(rate) if rate and not self._timeless else None
        self._packets = packets(container, self._stream)
        self._opened = self._heard = time.monotonic()

    def read(self) -> tuple[float, VideoFrame]:
        while not self._waiting:
            asked = time.monotonic()
            try:
                packet = next(self._packets, None)
            except av.error.FFmpegError as error:
                raise SourceError(f"{self._name}: the stream broke off ({reason(error)}).") from None
            arrival = time.monotonic()
            if packet is None or packet.size == 0:
                raise SourceError(f"{self._name}: the stream ended.")
            # what FFmpeg read ahead to find out the stream's kind comes without waiting, and late: no news of now
            waited = arrival - asked > FRESH_S or arrival - self._opened > self._stall / 2
            self._fresh = self._fresh or waited
            if arrival - self._heard > self._stall:  # packets come, but no picture
                raise SourceError(f"{self._name}: no picture for {self._stall:g} s.")
            try:
                frames = self._stream.decode(packet)
            except av.error.FFmpegError:
                continue  # torn on its way; the next key frame mends it
            if frames and self._fresh:
                self._heard = arrival
                self._waiting.extend((self._clock.moment(self._seconds(frame), arrival), frame) for frame in frames)
        return self._waiting.popleft()

    def _seconds(self, frame: VideoFrame) -> float | None:
        if self._timeless or frame.pts is None or self._stream.time_base is None:
            return None
        return float(frame.pts * self._stream.time_base)

    def close(self) -> None:
        self._container.close()


class StreamClock:
    """When a frame was taken, on our clock: by the stream's own times, set to ours by the arrivals.

    A frame's arrival is its capture plus a delay that jumps: networks hold packets back and bring them in a heap. The
    stream's times are even, but count from anywhere. So the least (arrival - stream time) seen is taken as the distance
    between the clocks (the minimum filter of NTP, RFC 5905, 10); it may grow by DRIFT a second, since the two clocks
    never run equally. Without times in the stream, or where they jump back, the arrival itself is taken.
    """

    def __init__(self) -> None:
        self._distance: float | None = None
        self._last = (-math.inf, -math.inf)  # arrival, moment

    def moment(self, seconds: float | None, arrival: float) -> float:
        """Never later than `arrival`; increasing as long as arrivals are.

        Args:
            seconds: the frame's time in the stream, or None.
            arrival: when it came in, seconds of the monotonic clock.
        """
        moment = arrival
        if seconds is not None:
            distance = arrival - seconds
            if self._distance is not None and distance > self._distance:
                drifted = self._distance + DRIFT * (arrival - self._last[0])
                distance = min(distance, drifted)
            moment = seconds + distance
            if not self._last[1] < moment <= arrival or arrival - moment > LATE_S:  # their clock was set back
                moment, distance = arrival, arrival - seconds
            self._distance = distance
        self._last = (arrival, moment)
        return moment
