"""What a video file says about its times without decoding it: one pass over the packets."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class PacketTimes:
    """The presentation times of all packets of one stream, in time_base units.

    Attributes:
        pts: (F,) int64, sorted; shown frames alone (what an edit list hides is left out).
        keys: (K,) int64, sorted, the pts of the packets at which decoding can begin.
        exact: whether they can be trusted to be the times of the decoded frames: all there, none twice.
        time_base: seconds in one unit.
    """

    pts: Int64
    keys: Int64
    exact: bool
    time_base: Fraction

    def in_seconds(self, units: Int64) -> Float64:
        """Time_base units in seconds, rounded as `VideoFile` rounds them."""
        return units * self.time_base.numerator / self.time_base.denominator


def read_packet_times(container: InputContainer, stream: VideoStream) -> PacketTimes:
    """Reads all packets from where the container stands; a damaged end ends the list."""
    pts: list[int] = []
    keys: list[int] = []
    exact = True
    dts_only = counts_in_dts(container, stream)
    try:
        for packet in container.demux(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            at = packet.dts if dts_only else packet.pts
            if at is None:
                exact = False
                continue
            pts.append(at)
            if packet.is_keyframe:
                keys.append(at)
    except av.error.FFmpegError:
        exact = False
    found = np.unique(np.array(pts, np.int64))
    exact = exact and len(found) == len(pts) and not dts_only
    return PacketTimes(found, np.unique(np.array(keys, np.int64)), exact, stream.time_base or Fraction(1, 1))


def counts_in_dts(container: InputContainer, stream: VideoStream) -> bool:
    """Whether only decoding order is stored: AVI has no presentation times, and FFmpeg guesses B-frames' wrong."""
    return container.format.name == "avi" and bool(stream.codec_context.has_b_frames)


class FrameClock:
    """Gives decoded frames their pts, also where the container stores times in decoding order alone."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._waiting: list[int] | None = [] if counts_in_dts(container, stream) else None

    def packet(self, dts: int | None) -> None:
        """A packet goes into the decoder."""
        if self._waiting is not None and dts is not None:
            heapq.heappush(self._waiting, dts)

    def frame(self, frame: VideoFrame) -> int | None:
        """The pts of a frame that came out, in presentation order: the earliest time that no frame has taken yet."""
        if self._waiting is None:
            return frame.pts if frame.pts is not None else frame.dts
        return heapq.heappop(self._waiting) if self._waiting else frame.dts
