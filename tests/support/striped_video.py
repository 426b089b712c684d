"""Real little video files, made with PyAV: every frame shows its own number as eight black or white stripes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tracker.types import UInt8

SIZE = (64, 48)  # width, height
MS = Fraction(1, 1000)
UNEVEN_MS = [0, 40, 80, 200, 210, 230, 500, 540, 580, 1400, 1440, 1450, 1490, 2000, 2040, 2080, 2120, 2300, 2340, 2380]


def stripes(number: int, size: tuple[int, int] = SIZE) -> UInt8:
    """An image that says `number` (0..255), bit by bit from left to right; its upper left corner is red."""
    bits = np.array([number >> k & 1 for k in range(8)], np.uint8)
    row = np.repeat(bits * 200 + 30, size[0] // 8)
    picture = np.broadcast_to(row[None, :, None], (size[1], size[0], 3)).copy()
    return picture


def number_of(bgr: UInt8) -> int:
    """Which number `stripes` wrote there; also after lossy coding."""
    row = bgr[bgr.shape[0] // 3 : -bgr.shape[0] // 3].mean(axis=(0, 2))
    bits = row.reshape(8, -1).mean(axis=1) > 128
    return int(sum(1 << k for k, bit in enumerate(bits) if bit))


def encode(
    path: Path,
    pts: Sequence[int],
    codec: str = "libx264",
    time_base: Fraction = MS,
    options: dict[str, str] | None = None,
    pictures: Sequence[UInt8] | None = None,
    pix_fmt: str = "yuv420p",
    rotation: tuple[float, bool] | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    sound: bool = False,
) -> Path:
    """A video whose frame k is shown at pts[k] * time_base; `rotation`: degrees against the clock, mirrored then."""
    pictures = [stripes(k % 256) for k in range(len(pts))] if pictures is None else pictures
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", format=container, options=container_options or {}) as out:
        stream: Any = out.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = time_base
        beep: Any = out.add_stream("aac", rate=16000, layout="mono") if sound else None
        for k, (at, picture) in enumerate(zip(pts, pictures, strict=True)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = at, time_base
            out.mux(stream.encode(frame))
            if beep is not None:
                out.mux(beep.encode(tone(k)))
        out.mux(stream.encode(None))
        if beep is not None:
            out.mux(beep.encode(None))
    if rotation is not None:
        turn(path, *rotation)
    return path


def turn(path: Path, degrees: float, mirrored: bool) -> None:
    """Writes a turn against the clock, then a mirroring, into an MP4's track header (ISO 14496-12, 8.3.2)."""
    cos, sin = round(np.cos(np.radians(degrees))), round(np.sin(np.radians(degrees)))
    side = -1 if mirrored else 1
    matrix = [side * cos << 16, -sin << 16, 0, side * sin << 16, cos << 16, 0, 0, 0, 1 << 30]
    data = path.read_bytes()
    at = data.index(b"tkhd") + 4 + 40
    assert data[at - 40] == 0  # the version whose fields these are
    path.write_bytes(data[:at] + np.array(matrix, ">i4").tobytes() + data[at + 36 :])


def tone(k: int) -> av.AudioFrame:
    """The k-th 1024 samples of silence."""
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 16000, 1024 * k, Fraction(1, 16000)
    return frame


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("aac", rate=16000, layout="mono")
        for k in range(8):
            out.mux(stream.encode(tone(k)))
        out.mux(stream.encode(None))
    return path


def packets_of(count: int, rate: int = 25, size: tuple[int, int] = SIZE, start: int = 0) -> list[bytes]:
    """JPEG images that say start, start + 1, ... for servers of motion JPEG."""
    import cv2

    return [cv2.imencode(".jpg", stripes((start + k) % 256, size))[1].tobytes() for k in range(count)]
