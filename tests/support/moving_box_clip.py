"""Small real clips for the tests: squares that move at a known speed, encoded with true, uneven times."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

WIDTH, HEIGHT, SIDE = 160, 120, 24
TIME_BASE = Fraction(1, 60_000)  # MPEG-4 allows no finer one than 1 / 65535
# Uneven on purpose: a steady start, a stutter, a gap of over a second, a burst.
TIMES = [0.0, 0.04, 0.08, 0.12, 0.2, 0.32, 0.36, 0.4, 0.52, 0.6, 1.9, 1.92, 1.94, 1.96, 1.98, 2.1, 2.2, 2.5, 2.6, 2.7]


def box_at(time: float) -> tuple[float, float, float, float]:
    """Where the square is: left, top, right, bottom."""
    left = 10 + 12 * time
    return left, 40.0, left + SIDE, 40.0 + SIDE


def write_clip(path: Path, times: Sequence[float] = TIMES, codec: str = "mpeg4") -> Path:
    """A clip of one bright square whose frames have exactly these presentation times."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        stream.time_base = TIME_BASE
        stream.codec_context.bit_rate = 2_000_000
        for time in times:
            picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
            left, top, right, bottom = (round(v) for v in box_at(time))
            picture[top:bottom, left:right] = 220
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round(time / TIME_BASE), TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_detections(path: Path, times: Sequence[float] = TIMES) -> Path:
    """MOTChallenge detections of that square."""
    rows = []
    for index, time in enumerate(times):
        left, top, right, bottom = box_at(time)
        rows.append(f"{index + 1},-1,{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f},0.95")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")
    return path
