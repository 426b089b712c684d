"""Make docs/images/recognition.webp: cars that the detector sometimes calls trucks; detections above, tracks below.

Run `python docs/scripts/recognition_picture.py docs/images/recognition.webp`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from datasets.scenes import DetectorNoise, Scene, render
from datasets.scenes.export import detect
from tools.display.annotate import Painter
from tools.display.config import ViewConfig
from tracker import Tracker
from tracker.classification.track_classes import ClassPooling
from tracker.types import Detections, State, Tracks

SCENE = Scene(seed=23, duration=3.0, people=4, vehicles=3, width=640, height=360, profile="jitter")
NAMES = ("person", "car", "truck")
MOODY = 0.3  # share of the frames in which a car is called a truck
AT = (1.3, 1.7, 2.1)  # seconds
PART = slice(100, 340)  # rows


def moody(found: Detections, rng: np.random.Generator) -> Detections:
    """The same boxes, each car a truck in some frames."""
    label = np.where((found.label == 1) & (rng.random(len(found)) < MOODY), 2, found.label)
    return Detections(found.xyxy, found.score, label)


def as_tracks(found: Detections) -> Tracks:
    """Each detection by itself, as if it were a track."""
    n = len(found)
    return Tracks(
        id=np.arange(1, n + 1), xyxy=found.xyxy, score=found.score, label=found.label,
        state=np.full(n, State.ACTIVE), time_since_update=np.zeros(n), detection=np.arange(n),
    )  # fmt: skip


def main(out: Path) -> None:
    rng = np.random.default_rng(0)
    tracker, above, below = (
        Tracker(classes=ClassPooling(len(NAMES))),
        *(Painter(NAMES, ViewConfig(trails=0, clock=False)) for _ in range(2)),
    )
    columns, left = [], list(AT)
    for frame, truth in render(SCENE):
        found = moody(detect(SCENE, truth, frame.index, DetectorNoise()), rng)
        tracks = tracker.update(found, frame.time)
        pair = np.concatenate([above(frame, as_tracks(found))[PART], below(frame, tracks)[PART]])
        if left and frame.time >= left[0]:
            left.pop(0)
            columns.append(np.pad(pair, ((0, 0), (0, 6), (0, 0)), constant_values=255))
    cv2.imwrite(str(out), np.concatenate(columns, axis=1), [cv2.IMWRITE_WEBP_QUALITY, 80])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
