"""Small videos for tests: images that tell their number, videos with sound, and what PyAV reads of them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from datasets.video.writer import CONTAINERS, VideoWriter

SUFFIXES = tuple(CONTAINERS)
SIZE = (96, 64)
# Matroska, WebM and AVI count whole milliseconds; the rest counts 1/90000 s.
TOLERANCE = {".mp4": 1e-5, ".m4v": 1e-5, ".mov": 1e-5}


def grey(k: int) -> int:
    """Far from the greys of the images before and after."""
    return 20 + 37 * k % 200


def picture(k: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """An image that encodes its number in its grey, with a moving bar to occupy the encoder."""
    bgr = np.full((size[1], size[0], 3), grey(k), np.uint8)
    bgr[:, (7 * k) % size[0] :][:, :5] = (200, 60, 30)
    return bgr


def write(path: Path, times: Sequence[float], size: tuple[int, int] = SIZE, **options: Any) -> None:
    with VideoWriter(path, **options) as writer:
        for k, time in enumerate(times):
            writer.write(picture(k, size), time)


def read(path: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return np.array([f.time for f in frames]), [f.to_ndarray(format="bgr24") for f in frames]


def read_damaged(path: Path) -> np.ndarray:
    """Times of the images up to the first one that the end of the file cut in two, as players show them."""
    times = []
    with av.open(str(path)) as container, contextlib.suppress(av.error.InvalidDataError):
        for frame in container.decode(video=0):
            times.append(frame.time)
    return np.array(times)


def uneven(kind: str, n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(3)
    if kind == "steady":
        gaps = np.full(n, 1 / 29.97)
    elif kind == "jitter":
        gaps = rng.uniform(0.004, 0.09, n)
    else:  # bursts with blackouts
        gaps = np.where(rng.random(n) < 0.1, rng.uniform(0.5, 4.0, n), 0.02)
    return np.cumsum(gaps)


def film(path: Path, sound: str | None, seconds: float = 3.0, first: float = 0.0) -> None:
    """A video at 25 images a second whose images begin `first` seconds after its sound."""
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libvpx-vp9" if path.suffix == ".webm" else "libx264", rate=25)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        audio: Any = container.add_stream(sound, rate=48000) if sound else None
        for k in range(round(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(picture(k), format="bgr24")
            frame.pts, frame.time_base = k + round(first * 25), Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is None:
            return
        wave = np.sin(np.arange(int(48000 * (seconds + first))) * 2 * np.pi * 440 / 48000).astype(np.float32)[None] / 3
        heard = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        heard.sample_rate, heard.pts, heard.time_base = 48000, 0, Fraction(1, 48000)
        context = audio.codec_context
        samples = {"libopus": 960, "libmp3lame": 1152}.get(sound or "", 1024)
        resampler = av.AudioResampler(context.format.name, context.layout.name, 48000, samples)
        for piece in (*resampler.resample(heard), *resampler.resample(None)):
            container.mux(audio.encode(piece))
        container.mux(audio.encode())


def packets(path: Path) -> list[tuple[float, str]]:
    """(time since the first image, hash) of every packet of sound."""
    with av.open(str(path)) as container:
        zero = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        return [
            (float((p.pts or 0) * p.time_base) - zero, hashlib.sha256(bytes(p)).hexdigest())
            for p in container.demux(audio=0)
            if p.size
        ]
