"""Network streams through PyAV, with times on the local monotonic clock, which continues while a stream is lost."""

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
from datasets.sources.containers import TIMELESS, Media, http_options, open_container, packets, reason, video_stream
from datasets.sources.credentials import guard_library_logs, strip_credentials
from datasets.sources.live import Feed, Live
from datasets.sources.orientation import ToBgr, read_turn
from datasets.sources.recorded import Recorded, check
from datasets.sources.video_files import VideoFile
from models.errors import SourceError
from tracker.protocols import SourceInfo
from tracker.types import UInt8

FRESH_S = 0.002  # a packet with a longer waiting time was not buffered; at 25 Hz packets are 40 ms apart
DRIFT = 1e-3  # clocks drift by less than 1e-4; ten times that also follows a network delay that has grown
LATE_S = 10.0  # a longer delay counts as a jump of the stream's clock; reading times out earlier
SEGMENTED = frozenset(
    ("hls", "dash")
)  # these deliver seconds of video at once, with exact times, like growing recordings
RTSP_OPTIONS = {"rtsp_flags": "prefer_tcp"}  # over UDP, lost packets corrupt frames; servers without TCP still work


def open_address(address: str, config: SourceConfig) -> Recorded | Live:
    """Opens a stream; or a recording with its own times if an HTTP server offers a file of known length or segments."""
    check(config)
    try:
        name = strip_credentials(address)
    except ValueError:  # its message would contain the address
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
    """A network stream; opening waits for its first frame."""

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
    """One connection: every packet is decoded, since frames depend on earlier ones; only consumed frames are
    converted.
    """

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
            self._stream.thread_type = ThreadType.SLICE  # frame threads would delay frames
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
            # packets that FFmpeg buffered while probing arrive at once and late, so they are no time reference
            waited = arrival - asked > FRESH_S or arrival - self._opened > self._stall / 2
            self._fresh = self._fresh or waited
            if arrival - self._heard > self._stall:  # packets arrive, but no frame
                raise SourceError(f"{self._name}: no picture for {self._stall:g} s.")
            try:
                frames = self._stream.decode(packet)
            except av.error.FFmpegError:
                continue  # damaged in transmission; the next key frame repairs it
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
    """Capture times of frames on the local clock, from the stream's own times aligned by the arrivals.

    A frame's arrival time is its capture time plus a varying delay, because networks deliver packets in bursts. The
    stream's times are even, but have an unknown origin. The smallest (arrival - stream time) so far is therefore the
    offset between the clocks (the minimum filter of NTP, RFC 5905, 10). It may grow by DRIFT a second, since the two
    clocks run at different rates. If the stream has no times, or they jump back, the arrival time is used.
    """

    def __init__(self) -> None:
        self._distance: float | None = None
        self._last = (-math.inf, -math.inf)  # arrival, capture time

    def moment(self, seconds: float | None, arrival: float) -> float:
        """Capture time of a frame: never later than `arrival`, and increasing if the arrivals are.

        Args:
            seconds: the frame's time in the stream, or None.
            arrival: arrival time, seconds of the monotonic clock.
        """
        moment = arrival
        if seconds is not None:
            distance = arrival - seconds
            if self._distance is not None and distance > self._distance:
                drifted = self._distance + DRIFT * (arrival - self._last[0])
                distance = min(distance, drifted)
            moment = seconds + distance
            if not self._last[1] < moment <= arrival or arrival - moment > LATE_S:  # the stream's clock was set back
                moment, distance = arrival, arrival - seconds
            self._distance = distance
        self._last = (arrival, moment)
        return moment
