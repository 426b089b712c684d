"""Occlusion of boxes by the other boxes of their frames, for all frames of a recording at once."""

from __future__ import annotations

import numpy as np

from models.runtime.maths import ranges
from tracker.boxes import overlapping_pairs
from tracker.types import Float64, Int64

BLOCK = 100_000  # boxes whose overlaps are searched at once; bounds the memory


def occlusion(frame: Int64, xyxy: Float64, other_frame: Int64, others: Float64) -> Float64:
    """(Q,) the largest share of each box that one nearer box of the same frame covers, 0..1.

    A box with a lower bottom edge in the image is nearer to the camera.

    Args:
        frame: (Q,) index of the frame.
        xyxy: (Q, 4) boxes, pixels.
        other_frame: (N,) frames of the boxes that may be in front, not decreasing.
        others: (N, 4) these boxes.
    """
    covered = np.zeros(len(frame))
    frames, of = np.unique(frame, return_inverse=True)
    low, high = np.searchsorted(other_frame, frames), np.searchsorted(other_frame, frames, side="right")
    load = np.cumsum(high - low + np.bincount(of, minlength=len(frames)))
    order = np.argsort(of, kind="stable")
    ends = np.searchsorted(of[order], np.arange(len(frames) + 1))
    for block in np.split(np.arange(len(frames)), np.flatnonzero(np.diff(load // BLOCK)) + 1):
        if len(block) == 0:
            continue
        rows = order[ends[block[0]] : ends[block[-1] + 1]]
        near = ranges(low[block], (high - low)[block])
        boxes = np.concatenate([xyxy[rows], others[near]])
        place = np.concatenate([frame[rows], other_frame[near]]) - frames[block[0]]
        # one sweep along x for all frames: each lies beside the one before
        apart = boxes[:, [0, 2]].max() - boxes[:, [0, 2]].min() + 1
        shifted = boxes.copy()
        shifted[:, [0, 2]] += (place * apart)[:, None]
        i, j, shared = overlapping_pairs(shifted)
        behind, front = np.minimum(i, j), np.maximum(i, j)
        good = (behind < len(rows)) & (front >= len(rows)) & (boxes[front, 3] > boxes[behind, 3])
        behind, shared = behind[good], shared[good]
        area = (boxes[behind, 2:] - boxes[behind, :2]).prod(axis=1)
        np.maximum.at(covered, rows[behind], shared / area)
    return covered
