"""A long film and a large project for `liquidtrack bench annotate-speed`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path as FilePath
from typing import Any

import av
import numpy as np

from datasets.projects import Path, Project, Provenance, Track
from tools.annotate.catalogue import Named
from tools.annotate.config import AnnotateConfig
from tools.annotate.opening import make_project
from tracker.detectors.config import DetectorConfig
from tracker.types import UInt8

RATE = 30  # Hz
GRAIN = 6.0  # standard deviation of the film's noise: as much for a decoder to do as a camera's picture
DOUBTFUL = 0.002  # share of the links that are in doubt
FILLED = 0.05  # share of the boxes that were filled


def make_film(path: FilePath, seconds: float, size: tuple[int, int], key_distance: int) -> None:
    """Writes an H.264 film of moving texture: one stretch is encoded, and its packets are repeated.

    Args:
        path: the file, an .mp4.
        seconds: its length.
        size: width and height, pixels.
        key_distance: frames from one key frame to the next; B frames lie between.
    """
    with av.open(str(path), "w") as out:
        options = {"g": str(key_distance), "keyint_min": str(key_distance), "sc_threshold": "0", "crf": "24"}
        stream: Any = out.add_stream("libx264", rate=RATE, options={**options, "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        packets = []
        for k, image in enumerate(_images(size, key_distance)):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = k, Fraction(1, RATE)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        content = [(bytes(one), one.pts, one.dts, one.is_keyframe) for one in packets]
        for start in range(0, round(seconds * RATE), key_distance):
            for data, pts, dts, key in content:
                packet = av.Packet(data)
                packet.stream, packet.time_base = stream, Fraction(1, RATE)
                packet.pts, packet.dts, packet.is_keyframe = pts + start, dts + start, key
                out.mux(packet)


def _images(size: tuple[int, int], count: int) -> Iterator[UInt8]:
    """Texture that moves to the left over one that stands, with grain."""
    width, height = size
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    ground = np.repeat(np.repeat(coarse, 8, 0), 8, 1)[:height, :width]
    grain = rng.normal(0, GRAIN, (4, height, width, 1)).astype(np.int16)
    for k in range(count):
        image = ground.copy()
        band = slice(height // 4, height // 2)
        image[band] = np.roll(ground[band], -4 * k, axis=1)
        yield np.clip(image + grain[k % 4], 0, 255).astype(np.uint8)


def make_large_project(path: FilePath, film: FilePath, tracks: int) -> None:
    """A project of the film whose tracks have a box in every frame."""
    config = AnnotateConfig(str(film), project=path, detection=DetectorConfig(detector="none"))
    make_project(Named(film.name, str(film), path), config)
    with Project.open(path) as project:
        project.import_tracks(_tracks(len(project.times), tracks, *project.size), "bench")


def _tracks(frames: int, count: int, width: int, height: int) -> Iterator[tuple[Track, Path]]:
    rng = np.random.default_rng(0)
    frame = np.arange(frames)
    for id in range(1, count + 1):
        x = width * (0.5 + 0.4 * np.sin(frame / 900 + id)) + rng.normal(0, 0.5, frames)
        y = height * (0.5 + 0.3 * np.cos(frame / 700 + 2 * id)) + rng.normal(0, 0.5, frames)
        box = np.stack([x, y, x + 50 + rng.random(frames), y + 110 + rng.random(frames)], axis=1)
        link = 1 - 0.02 * rng.random(frames) ** 8
        doubtful = rng.random(frames) < DOUBTFUL
        link[doubtful] = rng.random(int(doubtful.sum()))
        link[0] = 1
        provenance = np.where(rng.random(frames) < FILLED, Provenance.FILLED, Provenance.SEEN)
        yield Track(id, 0), Path.of(frame, box, 0.5 + 0.5 * rng.random(frames), provenance, False, link)
