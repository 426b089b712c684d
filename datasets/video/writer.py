"""Video files with true times: each frame has its own presentation time, and a file cut by a kill stays readable.

Decisions and reasons:

* MP4 and MOV are written in fragments, one per second, and converted to a plain file at the end (`hybrid_fragmented`).
  After a kill the fragments play; after a normal end the file is plain and plays in every player and browser.
  Matroska and WebM consist of clusters of one or two frames each, and survive a kill without further measures.
* The first second has key frames after 1, 2, 4, 8, ... frames, so that a kill in it also leaves a file that opens.
* No B-frames: frames leave the encoder in presentation order, so decoding and presentation times are equal.
* For odd widths or heights the last column or row is repeated, since 4:2:0 video allows only even sizes. Nothing is
  cropped.
* AVI has no presentation times, only a rate. It is written at 1000 ticks a second, the most that FFmpeg writes. The
  codec is MPEG-4, since H.264 in AVI is read back one frame late. There is no audio, since it would always begin at 0.
* Presets were measured on a rendered street scene (768x576, two cores): "superfast" takes a quarter less time than
  "veryfast" for a fifth more bytes at the same PSNR.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter

from datasets.storage.addresses import is_remote
from datasets.storage.failures import shown
from datasets.video.audio import Sound
from datasets.video.output_file import OutputFile, reason
from models.errors import ConfigError, DataError, LiquidTrackError
from models.runtime.compute import beside_threads
from tracker.types import UInt8

TICKS = Fraction(1, 90_000)  # s, the MPEG clock: 24, 25, 30, 50, 60 Hz and their 1000/1001 rates fall on whole ticks
AVI_TICKS = Fraction(1, 1000)
# Before FFmpeg 8.1 a hybrid file with a delayed moov box loses its first boxes, so there the file stays fragmented.
HYBRID = av.library_versions["libavformat"] >= (62, 12)
KEY_S = 1.0  # s between key frames: the most that a kill loses, and the step in which players can seek
CLUSTER_S = 0.02
# Smallest number of ticks between two frames: Matroska's clock always ticks once a millisecond.
MIN_TICKS = {"matroska": 90, "webm": 90}
MAX_GAP_S = {"avi": 60.0, "mp4": 20_000.0, "mov": 20_000.0}  # largest gap between two frames in the container
LATEST_S = 0.003  # s, largest delay of a frame to keep it after the previous one
LAST_S = 0.04  # s, duration of the last frame if there is neither a rate nor a previous frame

# suffix -> (FFmpeg's container name, codecs in order of preference)
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "vp9")),
    ".m4v": ("mp4", ("h264", "vp9")),
    ".mov": ("mov", ("h264",)),
    ".mkv": ("matroska", ("h264", "vp9")),
    ".webm": ("webm", ("vp9",)),
    ".avi": ("avi", ("mpeg4",)),
}
ENCODERS = {"h264": "libx264", "vp9": "libvpx-vp9", "mpeg4": "mpeg4"}
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow")

QUICK = ("ultrafast", "superfast")  # these use CAVLC entropy coding: a third less time than CABAC for 5 % more bytes

log = logging.getLogger(__name__)


class VideoWriter:
    """Writes frames at their times, as H.264 if the container allows it, with the source's audio if there is any.

    The first frame's time becomes the start of the file. All other frames keep their distance from it, to 1/90000 s in
    MP4 and MOV, and to half a millisecond in Matroska, WebM and AVI, whose clocks tick once a millisecond.

    Args:
        path: the file to write; its suffix selects the container (`CONTAINERS`). An older file is replaced.
        codec: "h264", "vp9", or "auto" for the best one of the container and this installation.
        crf: quality from 0 (best) to 51 (worst).
        preset: speed against file size of H.264, from "ultrafast" to "slow".
        rate: nominal frames a second, a hint used only for the duration of the last frame.
        sound: the source file, or its address, to copy audio from, or None.

    Raises:
        ConfigError: the suffix, codec, quality or preset is unknown, or the path cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        codec: str = "auto",
        crf: int = 23,
        preset: str = "superfast",
        rate: float | None = None,
        sound: Path | str | None = None,
    ) -> None:
        self.path = Path(path)
        self._format, self._codec = check_video(self.path, codec, crf, preset)
        self._crf = crf
        self._preset = preset
        self._rate = rate if rate and 1e-3 <= rate <= 1e5 else None
        there = isinstance(sound, str) and is_remote(sound)
        self._sound_path = sound if sound is None or there else Path(sound)
        self._ticks = AVI_TICKS if self._format == "avi" else TICKS
        self._existed = self.path.exists()
        if sound is not None and not there and self._existed and os.path.samefile(sound, self.path):
            raise ConfigError(f"{self.path} is the video that is being read; give another file to write to.")
        self._file: OutputFile | None = OutputFile(self.path)
        self._container: Any = None
        self._video: Any = None
        self._audio: Any = None
        self._sound: Sound | None = None
        self._repack: Callable[[Any], list[Any]] = lambda packet: [packet]
        self._convert = VideoReformatter()
        self._size = (0, 0)
        self._start = self._last = 0.0  # times of the first and the latest frame
        self._pts = 0
        self._key_pts = 0
        self._count = 0  # frames so far
        self._step: int | None = None  # ticks between the last two frames
        self._held: Any = None  # the latest packet, held until its duration is known

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, bgr: UInt8, time: float) -> None:
        """Adds one frame.

        Args:
            bgr: (H, W, 3) uint8, of the first frame's size.
            time: seconds, greater than the previous time.

        Raises:
            DataError: the size changed, the time does not increase, or the container cannot hold such a long gap.
            LiquidTrackError: the disk is full or fails; the part written before stays readable.
            ValueError: the writer is closed.
        """
        if self._file is None:
            raise ValueError(f"{self.path} is closed.")
        size = (bgr.shape[1], bgr.shape[0])
        try:
            if self._container is None:
                self._open(size, time)
            elif size != self._size:
                raise DataError(
                    f"{self.path}: the picture at {time:.3f} s is {size[0]}x{size[1]} but the video began with "
                    f"{self._size[0]}x{self._size[1]}; write it to a file of its own."
                )
            else:
                self._advance(time)
            self._encode(bgr)
        except (OSError, av.error.FFmpegError) as error:
            self._fail(error)

    def close(self) -> None:
        """Finishes the file. Further calls do nothing. A file without frames is removed.

        Raises:
            LiquidTrackError: the disk is full or fails; the part written before stays readable.
        """
        if self._file is None:
            return
        try:
            if self._video is not None and not self._file.broken:
                for packet in self._video.encode():
                    self._hold(packet)
                end = self._pts + self._last_step()
                self._release(end)
                self._copy_sound(float(end * self._ticks))
                self._container.close()
        except (OSError, av.error.FFmpegError) as error:
            self._fail(error)
        finally:
            self._abandon()

    def _last_step(self) -> int:
        """Duration of the last frame in ticks: that of the previous frame, unless a known rate shows a gap there."""
        nominal = round((1 / self._rate if self._rate else LAST_S) / self._ticks)
        if self._step is None:
            return nominal
        return min(self._step, nominal) if self._rate else self._step

    def _open(self, size: tuple[int, int], time: float) -> None:
        self._size, self._start, self._last = size, time, time
        # 1e6 us: audio that has ended must not delay the frames.
        options = {"flush_packets": "1", "max_interleave_delta": "1000000"}
        if self._format in ("mp4", "mov"):
            # The moov box is delayed to the first fragment, so that edit lists can hide audio before the first frame.
            options["movflags"] = "frag_keyframe+default_base_moof+delay_moov" + "+hybrid_fragmented" * HYBRID
        if self._format in ("matroska", "webm"):
            options["cluster_time_limit"] = str(round(CLUSTER_S * 1000))
        self._file = self._file or OutputFile(self.path)
        self._container = av.open(self._file, "w", format=self._format, container_options=options)
        rate = Fraction(self._rate or 25).limit_denominator(1001)
        video = self._container.add_stream(
            ENCODERS[self._codec], rate=1 / self._ticks if self._format == "avi" else rate
        )
        video.width, video.height = (side + side % 2 for side in size)
        video.pix_fmt = "yuv420p"
        video.options = self._options()
        context = video.codec_context
        context.time_base = self._ticks
        context.thread_count = min(beside_threads(), 4)
        context.colorspace = 6  # SMPTE 170M (BT.601), as in the conversion from BGR below
        context.color_range = 1  # limited
        self._video = video
        if self._sound_path is not None:
            self._open_sound(self._sound_path, time)

    def _options(self) -> dict[str, str]:
        if self._codec == "h264":
            coder = {"coder": "cavlc"} if self._preset in QUICK else {}
            return {"preset": self._preset, "crf": str(self._crf), "bf": "0", "forced-idr": "1", **coder}
        if self._codec == "vp9":
            quality = str(round(self._crf * 63 / 51))
            speed = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "lag-in-frames": "0"}
            return {**speed, "crf": quality, "b": "0"}
        return {"flags": "+qscale", "global_quality": str(118 * max(2, self._crf // 5)), "bf": "0"}  # 118: FF_QP2LAMBDA

    def _open_sound(self, path: Path | str, start: float) -> None:
        if self._format == "avi":
            log.warning(
                "%s: AVI cannot place sound in time, so it is left out; write .mp4 or .mkv to keep it.", self.path
            )
            return
        try:
            self._sound = Sound(path, start, exact=self._format in ("mp4", "mov"))
            self._audio = self._container.add_stream_from_template(self._sound.stream)
            self._repack = self._sound.repacking()
        except LookupError:
            return  # the source has no audio
        except (av.error.FFmpegError, OSError, ValueError, LiquidTrackError) as error:
            # ValueError: the container does not support this codec.
            why, name = reason(error).rstrip("."), shown(path) if isinstance(path, str) else path
            log.warning("%s: the sound of %s is left out (%s).", self.path, name, why)
            self._end_sound()

    def _advance(self, time: float) -> None:
        pts = round((time - self._start) / self._ticks)
        longest = MAX_GAP_S.get(self._format, math.inf)
        gap = float((pts - self._pts) * self._ticks)
        if gap > longest:
            raise DataError(
                f"{self.path}: no picture came for {gap:.0f} s before {time:.3f} s, and {self.path.suffix} holds gaps "
                f"of {longest:.0f} s at most; write .mkv instead."
            )
        if time < self._last:
            raise DataError(f"{self.path}: time goes from {self._last:.6f} s to {time:.6f} s; it must increase.")
        true, pts = pts, max(pts, self._pts + MIN_TICKS.get(self._format, 1))  # two frames within one tick
        if (pts - true) * self._ticks > LATEST_S:
            most = round(1 / (self._ticks * MIN_TICKS.get(self._format, 1)))
            raise DataError(
                f"{self.path}: more than {most} pictures a second come at {time:.3f} s, and {self.path.suffix} holds no"
                " more; write .mp4 instead."
            )
        self._step, self._pts, self._last = pts - self._pts, pts, time

    def _encode(self, bgr: UInt8) -> None:
        width, height = self._size
        if width % 2 or height % 2:
            bgr = np.pad(bgr, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        # A view, not a copy: the conversion has read it before this call ends.
        picture = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(bgr), format="bgr24")
        frame = self._convert.reformat(picture, format="yuv420p", threads=beside_threads())
        frame.pts, frame.time_base = self._pts, self._ticks
        early = self._pts * self._ticks < KEY_S and self._count & (self._count - 1) == 0
        if early or (self._pts - self._key_pts) * self._ticks >= KEY_S:
            frame.pict_type = 1  # I
            self._key_pts = self._pts
        self._count += 1
        for packet in self._video.encode(frame):
            self._hold(packet)

    def _hold(self, packet: Any) -> None:
        self._release(packet.pts)
        self._held = packet

    def _release(self, end: int) -> None:
        """Writes the held packet to the container; `end` is the start of the next frame in ticks."""
        packet, self._held = self._held, None
        if packet is None:
            return
        packet.duration = min(end - packet.pts, 2**31 - 1)  # the limit of older PyAV; only the last one's is stored
        self._copy_sound(float(packet.pts * self._ticks))
        self._container.mux(packet)

    def _copy_sound(self, end: float) -> None:
        sound = self._sound
        if sound is None:
            return
        packets = sound.until(end)
        try:
            for packet in packets:
                for piece in self._repack(packet):
                    piece.stream = self._audio
                    self._container.mux(piece)
        except (av.error.FFmpegError, ValueError) as error:
            assert self._file is not None
            if self._file.broken:
                raise
            # the source's audio is damaged from here on
            log.warning("%s: the sound ends at %.1f s (%s).", self.path, end, reason(error))
            self._end_sound()

    def _end_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()
        self._sound = None

    def _fail(self, error: Exception) -> None:
        """Leaves the file as it is on the disk and raises an error."""
        assert self._file is not None
        self._file.broken = True
        until = float(self._pts * self._ticks)
        self._abandon()
        raise LiquidTrackError(
            f"{self.path}: writing failed {until:.1f} s into the video ({reason(error)}); what was written before "
            "stays readable; make room or choose another folder, and run again."
        ) from error

    def _abandon(self) -> None:
        """Closes all open objects and ignores errors; a broken file accepts no more bytes."""
        if self._file is None:
            return
        if self._sound is not None:
            self._sound.close()
        if self._container is not None and self._file.broken:
            try:
                self._container.close()
            except (OSError, av.error.FFmpegError):
                log.debug("%s: closed after a failure", self.path, exc_info=True)
        empty = self._container is None
        self._container = self._sound = self._held = None
        self._file.close()
        self._file = None
        if empty and not self._existed:
            self.path.unlink(missing_ok=True)


def check_video(path: Path, codec: str = "auto", crf: int = 23, preset: str = "superfast") -> tuple[str, str]:
    """(container, codec) for a path, without opening it.

    Raises:
        ConfigError: the suffix, codec, quality or preset is unknown.
    """
    if not 0 <= crf <= 51:
        raise ConfigError(f"crf is {crf}; give a quality from 0 (best) to 51 (worst).")
    if preset not in PRESETS:
        raise ConfigError(f"there is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    if path.suffix.lower() not in CONTAINERS:
        raise ConfigError(f"{path}: videos are written as {', '.join(CONTAINERS)}; end the name with one of these.")
    container, possible = CONTAINERS[path.suffix.lower()]
    if codec not in ("auto", *possible):
        raise ConfigError(f"{path}: {path.suffix} files are written with {' or '.join(possible)}, not with {codec!r}.")
    for name in possible if codec == "auto" else (codec,):
        if ENCODERS[name] in av.codecs_available:
            return container, name
    raise ConfigError(f"{path}: this PyAV can encode none of {', '.join(possible)}; choose another suffix or codec.")
