"""A film of variable rate whose frames carry their number as a bar code, with boxes in colours of their own."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tracker.types import UInt8

WIDTH, HEIGHT = 640, 360
FRAMES = 240
BITS, BIT, BAR = 10, 30, 24  # of the bar code: bits, pixels across a bit, pixels down
BOX = (50, 110)
COURSES = {1: (60.0, 80.0, 1.6, 0.15), 2: (500.0, 100.0, -1.3, 0.1), 3: (300.0, 215.0, 0.0, 0.0)}  # left, top, a frame
COLOURS = {1: (220, 60, 60), 2: (60, 220, 60), 3: (60, 120, 220)}  # red, green, blue


def milliseconds(frames: int = FRAMES) -> list[int]:
    """When each frame is shown: steps of 20 to 100 ms, always the same ones."""
    steps = np.random.default_rng(1).choice([20, 33, 40, 100], frames)
    return [int(at) for at in np.cumsum(steps) - steps[0]]


def box(track: int, frame: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a track's box."""
    left, top, across, down = COURSES[track]
    left, top = round(left + across * frame), round(top + down * frame)
    return left, top, left + BOX[0], top + BOX[1]


def picture(frame: int) -> UInt8:
    """(HEIGHT, WIDTH, 3) BGR: bar code above, the boxes below, track 3 on top of 2 on top of 1."""
    image = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    for bit in range(BITS):
        image[:BAR, bit * BIT : (bit + 1) * BIT] = 235 if frame >> bit & 1 else 20
    for track, colour in COLOURS.items():
        left, top, right, bottom = (int(value) for value in box(track, frame))
        image[top:bottom, left:right] = colour[::-1]
    return image


def number_in(pixel: Callable[[float, float], float]) -> int:
    """The number that a picture says; `pixel` gives the brightness (0..255) at a place of it."""
    return sum(1 << bit for bit in range(BITS) if pixel((bit + 0.5) * BIT, BAR / 2) > 128)


def make_film(path: Path, frames: int = FRAMES) -> Path:
    """Writes the film; a key frame every 30 frames."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=25, options={"g": "30", "crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, at in enumerate(milliseconds(frames)):
            frame = av.VideoFrame.from_ndarray(picture(number), format="bgr24")
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def make_tracks(path: Path, frames: int = FRAMES) -> Path:
    """Writes the boxes as a MOTChallenge file; frames count from 1 there."""
    lines = []
    for frame in range(frames):
        for track in COURSES:
            left, top, _, _ = box(track, frame)
            lines.append(f"{frame + 1},{track},{left},{top},{BOX[0]},{BOX[1]},0.9,-1,-1,-1")
    path.write_text("\n".join(lines) + "\n")
    return path
