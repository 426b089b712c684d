"""Frame times of a video file without decoding: one pass over the packets."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from datasets.sources.containers import Media
from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class PacketTimes:
    """The presentation times of all packets of one stream, in time_base units.

    Attributes:
        pts: (F,) int64, sorted; only of shown frames (frames hidden by an edit list are left out).
        keys: (K,) int64, sorted, the pts of the packets at which decoding can begin.
        exact: whether they are the times of the decoded frames: complete and without repetitions.
        repeated: number of packets that share their time with another packet.
        count: number of packets, also those without a time.
        time_base: seconds per unit.
    """

    pts: Int64
    keys: Int64
    exact: bool
    repeated: int
    count: int
    time_base: Fraction

    def in_seconds(self, units: Int64) -> Float64:
        """Time_base units in seconds, rounded as `VideoFile` rounds them."""
        return units * self.time_base.numerator / self.time_base.denominator


@dataclass(frozen=True, eq=False, slots=True)
class SeekTable:
    """Where the frames of a video lie, for a file whose packet times are exact.

    Attributes:
        pts: (F,) int64, sorted, the presentation time of every frame in time_base units; the first is frame 0.
        keys: (K,) int64, sorted, those after frame 0 at which decoding can begin.
        time_base: seconds per unit.
    """

    pts: Int64
    keys: Int64
    time_base: Fraction

    def in_seconds(self) -> Float64:
        """(F,) seconds since the first frame, rounded as `VideoFile` rounds them."""
        seconds: Float64 = (self.pts - self.pts[0]) * self.time_base.numerator / self.time_base.denominator
        return seconds


def read_packet_times(media: Media, stream: VideoStream) -> PacketTimes:
    """Reads all packets from the container's current position; a damaged end ends the list.

    Raises:
        LiquidTrackError: the file lies elsewhere, and cannot be reached any more.
    """
    pts: list[int] = []
    keys: list[int] = []
    exact, torn, count = True, False, 0
    dts_only = counts_in_dts(media.container, stream)
    try:
        for packet in media.packets(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            count += 1
            at = packet.dts if dts_only else packet.pts
            if at is None:
                exact = torn = False
                continue
            pts.append(at)
            torn = packet.is_corrupt  # a corrupt last packet yields no frame
            if packet.is_keyframe:
                keys.append(at)
    except av.error.FFmpegError:
        exact = False
    media.check()
    if torn:
        pts.pop()
    found = np.unique(np.array(pts, np.int64))
    exact = exact and len(found) == len(pts) and not dts_only
    keys_found = np.unique(np.array(keys, np.int64))
    base = stream.time_base or Fraction(1, 1)
    return PacketTimes(found, keys_found, exact, len(pts) - len(found), count - torn, base)


def counts_in_dts(container: InputContainer, stream: VideoStream) -> bool:
    """Whether only the decoding order is stored: AVI has no presentation times, and FFmpeg's guess for B-frames is
    wrong.
    """
    return container.format.name == "avi" and bool(stream.codec_context.has_b_frames)


class FrameClock:
    """Gives the pts of decoded frames, and the number of frames before them that the decoder did not return.

    Every packet holds one frame. A frame that is lost to a damaged packet, or to a damaged reference, still counts, so
    that frame numbers do not depend on where reading began.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._dts_only = counts_in_dts(container, stream)
        self._waiting: list[int] = []  # heap of times that entered the decoder and have not come out yet
        self._last: int | None = None

    def packet(self, packet: Packet[VideoStream]) -> None:
        """Notes a packet that is sent to the decoder."""
        at = packet.dts if self._dts_only else packet.pts
        # frames that are stored late but shown early (leading pictures after a seek) are not expected
        if at is not None and not packet.is_discard and (self._last is None or at > self._last):
            heapq.heappush(self._waiting, at)

    def refused(self, packet: Packet[VideoStream]) -> None:
        """Notes a packet that the decoder rejected: without presentation times, the only sign of a lost frame."""
        if self._dts_only and packet.dts in self._waiting:
            self._waiting.remove(packet.dts)
            heapq.heapify(self._waiting)

    def frame(self, frame: VideoFrame) -> tuple[int | None, int]:
        """(pts, frames lost before it) of a decoded frame; frames are returned in presentation order."""
        if self._dts_only:  # frames are stored at an even rate: the earliest unassigned time
            return (heapq.heappop(self._waiting) if self._waiting else frame.dts), 0
        pts = frame.pts if frame.pts is not None else frame.dts
        lost = 0
        while pts is not None and self._waiting and self._waiting[0] <= pts:
            lost += heapq.heappop(self._waiting) < pts
        if self._last is None:
            lost = 0  # the first decoded frame counts as the first frame
        self._last = pts
        return pts, lost
