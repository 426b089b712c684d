"""Make docs/images/outlines.webp: the tracks of a rendered scene with their outlines, at four moments.

Run `python docs/scripts/outlines_picture.py`. Nothing is marked: the default detector finds the objects, and
`build_pipeline(..., outlines=True)` gives them masks, drawn as `liquidtrack track --outlines --video` draws them.
"""

from __future__ import annotations

from collage import write_collage

from datasets.scenes import parse, render
from tools.display.annotate import Painter
from tools.display.config import ViewConfig
from tracker import build_pipeline
from tracker.types import UInt8

SCENE = "scene:11?people=5&vehicles=1&duration=2.4&rate=10&lookalikes=0&occluders=1&width=854&height=480"
SHOWN = (2, 9, 16, 23)
STREET = slice(250, 480)  # rows with people


def pictures() -> list[UInt8]:
    """The moments, drawn."""
    pipeline = build_pipeline(source=(frame for frame, _ in render(parse(SCENE))), outlines=True)
    found: list[UInt8] = []
    painter: Painter | None = None
    for frame, tracks in pipeline:
        painter = painter or Painter(pipeline.names, ViewConfig(trails=0.0))
        drawn = painter(frame, tracks)
        if frame.index in SHOWN:
            found.append(drawn[STREET])
    return found


if __name__ == "__main__":
    write_collage(pictures(), "docs/images/outlines.webp", scale=0.7)
