"""Outlines of masks as COCO polygons."""

from __future__ import annotations

import cv2
import numpy as np

from tracker.types import Bool

MIN_CORNERS = 3  # smallest number of corners of a polygon


def polygons(mask: Bool) -> list[list[float]]:
    """(H, W) -> [[x1, y1, x2, y2, ...], ...], one outline per part, through its outermost pixels, without holes."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [outline.ravel().astype(float).tolist() for outline in outlines if len(outline) >= MIN_CORNERS]
