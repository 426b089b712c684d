"""What the other boxes of the same frame say of a box: occlusion and overlap, for all frames of a recording at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.boxes import overlapping_pairs
from tracker.types import Float64, Int64

BLOCK = 100_000  # boxes whose overlaps are searched at once; bounds the memory


@dataclass(frozen=True, eq=False, slots=True)
class Neighbours:
    """What the other objects' boxes say of Q boxes.

    Attributes:
        occlusion: (Q,) the largest share that one box nearer to the camera covers, 0..1.
        iou: (Q,) the largest IoU with a box of the frame, 0..1.
    """

    occlusion: Float64
    iou: Float64


def neighbours(frame: Int64, xyxy: Float64, other_frame: Int64, others: Float64) -> Neighbours:
    """Occlusion and overlap of the boxes (Q, 4) by the `others` (N, 4) of the same frames.

    Boxes with a lower bottom edge are nearer to the camera. `other_frame` (N,) does not decrease.
    """
    found = Neighbours(np.zeros(len(frame)), np.zeros(len(frame)))
    frames, of = np.unique(frame, return_inverse=True)
    low, high = np.searchsorted(other_frame, frames), np.searchsorted(other_frame, frames, side="right")
    load = np.cumsum(high - low + np.bincount(of, minlength=len(frames)))
    order = np.argsort(of, kind="stable")
    ends = np.searchsorted(of[order], np.arange(len(frames) + 1))
    for block in np.split(np.arange(len(frames)), np.flatnonzero(np.diff(load // BLOCK)) + 1):
        if len(block) == 0:
            continue
        rows = order[ends[block[0]] : ends[block[-1] + 1]]
        size = high[block] - low[block]
        near = np.arange(size.sum()) + np.repeat(low[block] - (np.cumsum(size) - size), size)
        boxes = np.concatenate([xyxy[rows], others[near]])
        place = np.concatenate([frame[rows], other_frame[near]]) - frames[block[0]]
        # one sweep for all frames: each lies beside the one before
        apart = boxes[:, [0, 2]].max() - boxes[:, [0, 2]].min() + 1
        shifted = boxes.copy()
        shifted[:, [0, 2]] += (place * apart)[:, None]
        i, j, shared = overlapping_pairs(shifted)
        asked, by = np.minimum(i, j), np.maximum(i, j)
        mixed = (asked < len(rows)) & (by >= len(rows))
        asked, by, shared = asked[mixed], by[mixed], shared[mixed]
        area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        nearer = boxes[by, 3] > boxes[asked, 3]
        np.maximum.at(found.occlusion, rows[asked[nearer]], (shared / area[asked])[nearer])
        np.maximum.at(found.iou, rows[asked], shared / (area[asked] + area[by] - shared))
    return found
