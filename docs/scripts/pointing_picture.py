"""Make docs/images/pointing.webp: a pedestrian of a rendered scene, tracked from one box under a moving camera.

Run `python docs/scripts/pointing_picture.py docs/images/pointing.webp`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from datasets.scenes import Scene, open_scene, truth_of
from tools.display.annotate import Painter
from tools.display.config import ViewConfig
from tracker import (
    BoxPrompt,
    SingleObjectManager,
    Tracker,
    build_detector,
    track,
)

SCENE = Scene(seed=11, camera="pan", duration=4.0, people=8, width=640, height=360, profile="stride5")
AT = (0.0, 1.4, 3.0)  # seconds


def main(out: Path) -> None:
    truth = truth_of(SCENE)
    box = truth.xyxy[(truth.row == 0) & (truth.id == 4)][0]
    given = BoxPrompt(*box[:2].tolist(), *(box[2:] - box[:2]).tolist())
    pointer = SingleObjectManager(Tracker(), [given])
    painter = Painter(pointer.names, ViewConfig(show_lost=True))
    pictures, left = [], list(AT)
    for frame, tracks in track(open_scene(SCENE), build_detector("none"), pointer):
        picture = painter(frame, tracks)
        if left and frame.time >= left[0]:
            left.pop(0)
            pictures.append(picture[90:, 180:])
    strip = np.concatenate([np.pad(p, ((0, 0), (0, 6), (0, 0)), constant_values=255) for p in pictures], axis=1)
    cv2.imwrite(str(out), strip, [cv2.IMWRITE_WEBP_QUALITY, 80])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
