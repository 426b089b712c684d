"""A recording, with what all its pieces are described from: stabilised boxes, scores, crowding, border distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.boxes import neighbour_iou, overlapping_pairs, to_coordinates
from tracker.offline.camera_path import CameraPath
from tracker.offline.online import OnlineTracks
from tracker.offline.types import VideoDetections
from tracker.types import Float64, Int64

FAR_FROM_BORDER = 2.0  # heights, largest distance to the border that is told apart
BLOCK = 100_000  # boxes whose overlaps are searched at once; bounds the memory


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """N detections of a recording, described.

    Positions are compared in a stabilised frame: every box in the pixels of the first frame, by the chained camera
    motion. Lengths there are divided by heights there, so that scale and drift of the chain cancel out.

    Attributes:
        detections: the detections.
        online: what the online tracker decided about them.
        coordinates: (N, 4) centre x, centre y, log width, log height, stabilised.
        time: (N,) seconds.
        score: (N,) 0..1.
        crowding: (N,) the largest IoU with another box of the frame.
        border: (N,) distance of the box to the left, right or lower border of the image, heights, 0..2.
        first: (F + 1,) the rows of frame f are first[f] : first[f + 1].
    """

    detections: VideoDetections
    online: OnlineTracks
    coordinates: Float64
    time: Float64
    score: Float64
    crowding: Float64
    border: Float64
    first: Int64

    @classmethod
    def of(cls, detections: VideoDetections, online: OnlineTracks) -> Recording:
        """Describes the detections of a recording."""
        d = detections
        boxes = d.xyxy.astype(np.float64)
        first = np.searchsorted(d.frame, np.arange(len(d.times) + 1))
        return cls(
            d,
            online,
            stabilised(d),
            d.times[d.frame],
            d.score.astype(np.float64),
            _crowding(d.frame, boxes),
            _border(boxes, d.size),
            first,
        )


def stabilised(detections: VideoDetections) -> Float64:
    """(N, 4) centre x, centre y, log width, log height of all detections, in the pixels of the first frame."""
    coordinates = to_coordinates(detections.xyxy.astype(np.float64))
    if detections.warps is None or not len(detections):
        return coordinates
    return CameraPath(detections.warps).stabilise(coordinates, detections.frame)


def _crowding(frame: Int64, boxes: Float64) -> Float64:
    """(N,) the largest IoU of each box with another of its frame: one sweep, each frame beside the one before."""
    crowding = np.zeros(len(frame))
    begin = 0
    while begin < len(frame):
        end = int(np.searchsorted(frame, frame[min(begin + BLOCK, len(frame)) - 1], side="right"))
        part = boxes[begin:end].copy()
        apart = part[:, [0, 2]].max() - part[:, [0, 2]].min() + 1
        part[:, [0, 2]] += ((frame[begin:end] - frame[begin]) * apart)[:, None]
        crowding[begin:end] = neighbour_iou(part, overlapping_pairs(part))
        begin = end
    return crowding


def _border(boxes: Float64, size: tuple[int, int]) -> Float64:
    if not len(boxes):
        return np.zeros(0)
    width, height = size if all(size) else boxes[:, 2:].max(axis=0).tolist()
    distance = np.minimum(np.minimum(boxes[:, 0], width - boxes[:, 2]), height - boxes[:, 3])
    border: Float64 = np.clip(distance / (boxes[:, 3] - boxes[:, 1]), 0, FAR_FROM_BORDER)
    return border
