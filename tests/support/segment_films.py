"""Recordings whose frames say their own number, and a detector that finds boxes from what an image says alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from tests.support.striped_video import encode, stripes
from tools.track.config.video import OutputConfig, TrackConfig
from tracker.detectors.config import DetectorConfig

FRAMES = 250
B_FRAMES = {"g": "20", "bf": "2", "sc_threshold": "0"}

# Two objects that are always there, and one from frame 60 to 190; a frame of the wrong number has them elsewhere.
DETECTOR = """
def detect(frame):
    row = frame.bgr[16:-16].mean(axis=(0, 2))
    bits = row.reshape(8, -1).mean(axis=1) > 128
    k = sum(1 << i for i, bit in enumerate(bits) if bit)
    boxes = [[2 + 0.1 * k, 2, 14 + 0.1 * k, 20, 0.9, 0], [50 - 0.1 * k, 24, 62 - 0.1 * k, 44, 0.95, 0]]
    return boxes + ([[30, 4, 40, 40, 0.8, 0]] if 60 <= k < 190 else [])
"""


def uneven_ms(frames: int = FRAMES) -> list[int]:
    """When each frame is shown: steps of 40 to 200 ms, always the same ones."""
    steps = np.random.default_rng(3).choice([40, 80, 120, 200], frames)
    return [int(at) for at in np.cumsum(steps) - steps[0]]


def film(path: Path, **options: object) -> Path:
    """A video of variable rate, with a key frame every 20 frames unless told otherwise."""
    return encode(path, uneven_ms(), **{"options": B_FRAMES, **options})  # type: ignore[arg-type]


def edited(path: Path) -> Path:
    """The same with an edit list that hides its first 5 frames."""
    whole = film(path.with_name("unedited.mp4"), options={"g": "20", "bf": "0"})
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        base = source.streams.video[0].time_base
        assert base is not None
        first = round(uneven_ms()[5] / 1000 / base)
        for packet in source.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                packet.pts, packet.dts = packet.pts - first, packet.dts - first
                packet.stream = stream
                out.mux(packet)
    return path


def pictures(folder: Path, times: Sequence[int]) -> Path:
    """The same as a folder of images with their times."""
    folder.mkdir()
    for k in range(len(times)):
        cv2.imwrite(str(folder / f"{k:06d}.png"), stripes(k))
    rows = "".join(f"{k + 1},{at / 1000}\n" for k, at in enumerate(times))
    (folder / "times.csv").write_text(f"frame,time\n{rows}")
    return folder


def settings(source: Path, output: OutputConfig, **more: object) -> TrackConfig:
    """The settings of a run with that detector, which lies beside the source."""
    code = source.parent / "detector.py"
    code.write_text(DETECTOR)
    detection = DetectorConfig(f"python:{code}:detect")
    return TrackConfig(str(source), quiet=True, output=output, detection=detection, **more)  # type: ignore[arg-type]
