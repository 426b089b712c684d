"""Make docs/images/demo.webp: a rendered scene with 70 % of its frames removed, tracked in true time.

Run `python docs/scripts/demo_picture.py`. The simulated detector misses objects, adds false positives and moves boxes.
The tracks are drawn as `liquidtrack track --video` draws them. Each frame is shown for its true duration.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from datasets.scenes import NAMES, DetectorNoise, parse, render
from datasets.scenes.export import detect
from tools.display.annotate import Painter
from tools.display.config import ViewConfig
from tracker import Tracker
from tracker.types import UInt8

SCENE = "scene:3?people=6&vehicles=2&noise=0&profile=drop70&duration=8&lookalikes=0"
WIDTH, HEIGHT = 800, 450
MS = Fraction(1, 1000)


def frames() -> list[tuple[float, UInt8]]:
    """(seconds, picture with tracks) of the scene's frames."""
    scene = parse(SCENE)
    tracker, painter = Tracker(), Painter(NAMES, ViewConfig(trails=1.5))
    noise = DetectorNoise()
    found = []
    for frame, truth in render(scene):
        detections = detect(scene, truth, frame.index, noise)
        found.append((frame.time, painter(frame, tracker.update(detections, frame.time))))
    return found


def write(path: Path, pictures: list[tuple[float, UInt8]]) -> None:
    """An animated WebP in which each picture lasts until the next one's time."""
    with av.open(str(path), "w", format="webp", options={"loop": "0"}) as out:
        stream = out.add_stream("libwebp_anim", rate=25, options={"quality": "45", "compression_level": "6"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = MS
        for time, picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(WIDTH, HEIGHT, "yuv420p")
            frame.pts, frame.time_base = round(time / MS), MS
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    gaps = [b - a for (a, _), (b, _) in pairwise(pictures)]
    print(f"{path}: {len(pictures)} frames, {min(gaps):.3f} to {max(gaps):.3f} s apart, {path.stat().st_size} bytes")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/demo.webp"), frames())
