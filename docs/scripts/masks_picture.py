"""Make docs/images/masks.webp: three people of a rendered scene, marked by boxes, and their masks later.

Run `python docs/scripts/masks_picture.py`. Most frames are removed (profile drop70). Four moments stand side by side,
drawn as `liquidtrack track --video` draws them.
"""

from __future__ import annotations

import numpy as np
from collage import write_collage

from datasets.scenes import parse, render
from tools.display.annotate import Painter
from tools.display.config import ViewConfig
from tracker.masks.initial_mask import mask_of_box
from tracker.masks.propagation import MaskPropagator
from tracker.masks.stage import NAME, MaskPrompt, MaskStage
from tracker.protocols import SourceInfo
from tracker.types import Frame, Tracks, UInt8

SCENE = "scene:11?people=5&vehicles=1&profile=drop70&duration=2.4&lookalikes=0&occluders=1&width=854&height=480"
MARKED = 3
SHOWN = (0, 5, 10, 16)


def pictures() -> list[UInt8]:
    """The moments, drawn."""
    found: list[UInt8] = []
    stage: MaskStage | None = None
    painter = Painter((NAME,), ViewConfig(trails=1.0))
    for frame, truth in render(parse(SCENE)):
        if stage is None:
            area = truth.mask.sum(axis=(1, 2)) * (truth.label == 0) * (truth.visibility > 0.9)
            boxes = truth.xyxy[np.argsort(-area)[:MARKED]]

            def draw(first: Frame, boxes: np.ndarray = boxes) -> UInt8:
                numbers = np.zeros(first.bgr.shape[:2], np.uint8)
                for k, box in enumerate(boxes, 1):
                    numbers[mask_of_box(first.bgr, box)] = k
                return numbers

            stage = MaskStage(MaskPropagator(), [MaskPrompt(0.0, tuple(range(1, MARKED + 1)), draw)])
            stage.open(SourceInfo(SCENE, 0, 0), ())
        drawn = painter(frame, stage.update(frame, Tracks.empty()))
        if frame.index in SHOWN:
            found.append(drawn)
    return found


if __name__ == "__main__":
    write_collage(pictures(), "docs/images/masks.webp", scale=0.6)
