"""A small picture of a recording with its tracks, for the report."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from tools.batch.counting import ShownFrame
from tools.display.annotate import Painter
from tools.display.config import ViewConfig
from tracker.types import Frame, State, Tracks

WIDTH, HEIGHT = 320, 240  # pixels, the most of each side
QUALITY = 72  # of the JPEG, 0..100


def thumbnail(source: str, reading: SourceConfig, shown: ShownFrame, names: tuple[str, ...]) -> bytes | None:
    """A JPEG of the frame with its boxes; None where the frame does not come again."""
    part = replace(reading, start=max(shown.time - 1e-6, 0.0), end=None, every=1)
    with open_source(source, part) as opened:
        frame = next(iter(opened), None)
    if frame is None:
        return None
    height, width = frame.bgr.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height, 1.0)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(frame.bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    boxes, count = shown.boxes, len(shown.boxes)
    tracks = Tracks(
        boxes.id, boxes.xyxy * np.float32(scale), boxes.score, boxes.label,
        np.full(count, State.ACTIVE, np.int8), np.zeros(count), np.full(count, -1),
    )  # fmt: skip
    view = ViewConfig(trails=0, labels=False, clock=False)
    drawn = Painter(names, view)(Frame(small, frame.index, frame.time), tracks)
    done, data = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes() if done else None
