"""Settings of the label files that are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """How label files are written.

    Attributes:
        cvat_keyframes: largest error between key frames of CVAT and Label Studio. In pixels: how far a box may lie off
            the straight line between two key frames; 0px makes every frame a key frame, person only those that a person
            drew or confirmed.
        yolo_ids: write score and id into the YOLO files. After each box instead of into tracks.csv beside the labels;
            programs that train on YOLO labels read more than five columns as a polygon.
    """

    cvat_keyframes: str = "2px"
    yolo_ids: bool = False
