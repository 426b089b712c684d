"""Decodes chosen frames of a video file; frames between them are not decoded where the codec allows that.

Two things are left out. Packets before the last key frame at or before the chosen frame are dropped, since nothing
after a key frame refers to what lies before it. Of the rest, frames that no other frame refers to are skipped by the
decoder (FFmpeg's AVDISCARD_NONREF). The pixels of the chosen frames are those of a full decoding.

Any sign of damage raises `Irregular`, since what a decoder makes of damaged data depends on all it was given before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import av
import numpy as np
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from datasets.sources.containers import Media, decode_in_threads
from datasets.sources.packet_times import SeekTable

NONREF = frozenset(("h264", "mpeg4", "mpeg1video", "mpeg2video"))  # decoders that leave out unreferenced frames alone
THREADS = 2  # of decoding on demand: each more decodes one frame further ahead, whether it will be chosen or not


Numbered = tuple[int, float, VideoFrame]  # frame number, seconds since the first frame, the frame


class Irregular(Exception):
    """The file is damaged, or its packets are not what their times and key frames said."""


class SparseDecoder:
    """Decodes frames by their number, in increasing order.

    Args:
        media: the open file, at its beginning, nothing decoded yet.
        stream: its video stream.
        table: where its frames lie.
        planned: whether a frame after the requested one will be requested too; None where that is not known.
    """

    def __init__(
        self,
        media: Media,
        stream: VideoStream,
        table: SeekTable,
        planned: Callable[[int], bool] | None = None,
    ) -> None:
        self._stream, self._context = stream, stream.codec_context
        self._pts, self._keys = table.pts, table.keys
        self._planned = planned or (lambda index: True)
        decode_in_threads(self._context, THREADS if planned is None else 0)
        self._packets: Iterator[Packet[VideoStream]] | None = media.packets(stream)
        self._skips = self._context.name in NONREF or _one_layer(self._context.name, self._context.extradata)
        self._sent: int | None = None  # the latest time that was given to the decoder
        self._begin: int | None = None  # the key frame that must come out first after a jump
        self._ready: dict[int, VideoFrame] = {}  # decoded frames after the latest requested one

    def frame(self, index: int) -> VideoFrame:
        """Frame `index`, greater than that of the last call.

        Raises:
            Irregular: it cannot be decoded like this; decode the file from its beginning.
        """
        target = int(self._pts[index])
        self._ready = {k: frame for k, frame in self._ready.items() if k >= index}
        try:
            self._jump(target)
            while index not in self._ready:
                if self._packets is None:
                    raise Irregular
                self._send(next(self._packets, None), index)
        except av.error.FFmpegError:
            raise Irregular from None
        return self._ready.pop(index)

    def _jump(self, target: int) -> None:
        """Drops the packets before the last key frame that is not after `target`, if none of it was decoded yet."""
        at = int(np.searchsorted(self._keys, target, side="right")) - 1
        key = int(self._keys[at]) if at >= 0 else None
        if key is None or self._packets is None or (self._sent is not None and key <= self._sent):
            return
        dropped = False
        for packet in self._packets:
            _check(packet)
            if packet.size == 0:
                raise Irregular  # the key frame did not come
            if packet.pts == key:
                break
            if packet.has_sidedata("new_extradata"):  # it changes the decoder's settings for later packets
                raise Irregular
            dropped = True
        else:
            raise Irregular
        if dropped:
            if self._context.is_open:
                self._context.flush_buffers()
            self._ready.clear()
            self._begin = key
        self._send(packet, int(np.searchsorted(self._pts, target)))

    def _send(self, packet: Packet[VideoStream] | None, index: int) -> None:
        """Decodes one packet on the way to frame `index`, and keeps the frames from there on that come out."""
        if packet is None or packet.size == 0:
            self._packets = None
        else:
            _check(packet)
            if packet.pts is not None and (self._sent is None or packet.pts > self._sent):
                self._sent = packet.pts
            if self._skips:
                self._context.skip_frame = "DEFAULT" if self._needed(packet, index) else "NONREF"
        for frame in self._stream.decode(packet):
            self._keep(frame, index)

    def _needed(self, packet: Packet[VideoStream], index: int) -> bool:
        if packet.pts is None or packet.is_discard:
            return True
        at = int(np.searchsorted(self._pts, packet.pts))
        return at == index or (at > index and self._planned(at))

    def _keep(self, frame: VideoFrame, index: int) -> None:
        if frame.pts is None:
            raise Irregular
        if self._begin is not None:
            if frame.pts < self._begin:
                return  # shown before the key frame, and may refer to dropped frames
            # A key frame in name only (a stream that refreshes bit by bit) gives no picture at once, or one of type P.
            if frame.pts != self._begin or not frame.key_frame or frame.pict_type != PictureType.I:
                raise Irregular
            self._begin = None
        if frame.is_corrupt:
            raise Irregular
        at = int(np.searchsorted(self._pts, frame.pts))
        if at < index:
            return
        if at == len(self._pts) or self._pts[at] != frame.pts or (at > index and index not in self._ready):
            raise Irregular
        if at == index or self._planned(at):
            self._ready[at] = frame


class SingleFrames:
    """Decodes frames by their number; after damage, it decodes all frames of the file from its beginning on.

    Args:
        sparse: the decoder until then.
        anew: gives all frames, decoded fully.
    """

    def __init__(self, sparse: SparseDecoder, anew: Callable[[], Iterator[Numbered]]) -> None:
        self._sparse, self._anew = sparse, anew
        self._all: Iterator[Numbered] = iter(())
        self.damaged = False

    def frame(self, index: int) -> VideoFrame | None:
        """Frame `index`, greater than that of the last call; None where it is damaged."""
        if not self.damaged:
            try:
                return self._sparse.frame(index)
            except Irregular:
                self.damaged, self._all = True, self._anew()
        found = next((item for item in self._all if item[0] >= index), None)
        if found is None or found[0] == index:
            return None if found is None else found[2]
        self._all = chain([found], self._all)
        return None

    def rest(self, index: int) -> Iterator[Numbered]:
        """After damage: all frames after `index`, the number of the last call."""
        yield from (item for item in self._all if item[0] > index)


def _one_layer(codec: str, extradata: bytes | None) -> bool:
    """Whether this is HEVC without temporal layers.

    With layers, a frame to which none of its own layer refers may be needed by those above, and FFmpeg skips it.
    """
    # `numTemporalLayers` of ISO 14496-15, 8.3.3.1.2; streams outside MP4 and Matroska do not tell
    return codec == "hevc" and extradata is not None and extradata[:1] == b"\1" and extradata[21] >> 3 & 7 == 1


def _check(packet: Packet[VideoStream]) -> None:
    if packet.is_corrupt:
        raise Irregular
