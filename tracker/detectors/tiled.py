"""Any image detector on overlapping tiles of the frame and on the whole frame: small objects in large images.

Akyon et al., "Slicing Aided Hyper Inference and Fine-tuning for Small Object Detection", arXiv:2202.06934.
"""

from __future__ import annotations

import math

import numpy as np

from tracker.detectors.config import DetectorConfig
from tracker.detectors.postprocess import Select
from tracker.protocols import Detector
from tracker.types import Bool, Detections, Float32, Frame, UInt8

OVERLAP = 0.25  # share of a tile's side that the next one covers too
EDGE_PX = 2.0  # a box that ends so near to the edge of a tile is cut off there
NMS = 0.5


class TiledDetector:
    """The detections of `detector` in tiles and in the whole frame, merged.

    A box that is cut off by a tile's inner edge is left to the neighbouring tile, which shows that object whole, or to
    the whole frame. Of boxes of one class that overlap, the one with the highest score remains. A frame that is not
    larger than a tile is looked at once.

    Args:
        detector: what looks at each tile; it answers in pixels of the image that it gets.
        config: class filter, score threshold, IoU and the side of a tile.
    """

    def __init__(self, detector: Detector, config: DetectorConfig) -> None:
        self.names = detector.names
        self._detector, self._side = detector, config.tile_size
        self._select = Select(self.names, config, score=0.0, nms=NMS)

    def __call__(self, frame: Frame | UInt8) -> Detections:
        frame = Frame.of(frame)
        whole = self._detector(frame)
        width, height = frame.size
        if max(width, height) <= self._side:
            return whole
        parts = [(whole.xyxy, whole.score, whole.label)]
        for left, right in spans(width, self._side):
            for top, bottom in spans(height, self._side):
                tile = np.ascontiguousarray(frame.bgr[top:bottom, left:right])
                found = self._detector(Frame(tile, frame.index, frame.time))
                shift = np.array([left, top, left, top], np.float32)
                rows = uncut(found.xyxy + shift, (left, top, right, bottom), frame.size)
                parts.append((found.xyxy[rows] + shift, found.score[rows], found.label[rows]))
        xyxy, score, label = (np.concatenate(part) for part in zip(*parts, strict=True))
        return self._select(xyxy, score, label, frame.size)


def spans(length: int, side: int) -> list[tuple[int, int]]:
    """(start, end) of the fewest tiles of `side` that cover `length` and overlap by `OVERLAP` or more."""
    if length <= side:
        return [(0, length)]
    count = 1 + math.ceil((length - side) / (side * (1 - OVERLAP)))
    return [(start, start + side) for start in (round(k * (length - side) / (count - 1)) for k in range(count))]


def uncut(xyxy: Float32, tile: tuple[int, int, int, int], size: tuple[int, int]) -> Bool:
    """(N,) whether boxes do not end at an edge of the tile that is not the frame's; all in pixels of the frame."""
    left, top, right, bottom = tile
    free = np.ones(len(xyxy), bool)
    for axis, edge, frame_edge in ((0, left, 0), (1, top, 0), (2, right, size[0]), (3, bottom, size[1])):
        if edge != frame_edge:
            free &= abs(xyxy[:, axis] - edge) > EDGE_PX
    return free
