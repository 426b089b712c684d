"""Settings of the label files that are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """How label files are written.

    Attributes:
        cvat_keyframes: how far a box may lie off the straight line between two of CVAT's key frames, in pixels; 0 makes
            every frame a key frame.
        yolo_ids: write score and id behind each YOLO box, not into tracks.csv beside the labels (more than five columns
            are a polygon to programs that train on them).
    """

    cvat_keyframes: str = "2px"
    yolo_ids: bool = False
