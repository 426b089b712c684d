"""Which boxes of two segments show the same object in the same frame."""

from __future__ import annotations

import numpy as np

from tracker.association.assignment import assign
from tracker.boxes import overlaps
from tracker.segments.types import Coincidence, SharedTracks


def coincide(left: SharedTracks, right: SharedTracks, frames: int, same_iou: float) -> Coincidence:
    """The one-to-one matching of the boxes of each frame with the largest sum of IoUs.

    Both segments saw the same detections, so that equal objects have nearly equal boxes, whatever their tracks did
    before.

    Args:
        left, right: the tracks of the two segments in the overlap.
        frames: number of frames of the overlap.
        same_iou: lowest IoU of a pair.
    """
    starts, others = left.starts(frames).tolist(), right.starts(frames).tolist()
    boxes, of_right = left.xyxy.astype(np.float64), right.xyxy.astype(np.float64)
    parts = []
    for k in range(frames):
        a, b = slice(starts[k], starts[k + 1]), slice(others[k], others[k + 1])
        iou = overlaps(boxes[a], of_right[b])
        i, j = (iou >= same_iou).nonzero()
        i, j = assign(i, j, iou[i, j])
        order = np.argsort(i)
        parts.append((a.start + i[order], b.start + j[order], iou[i[order], j[order]]))
    if not parts:
        none = np.zeros(0, np.int64)
        return Coincidence(none, none, none, np.zeros(0), np.zeros(0))
    i, j, iou = (np.concatenate(part) for part in zip(*parts, strict=True))
    count = np.diff(starts) + np.diff(others)
    paired = 2 * np.bincount(left.frame[i], minlength=frames)
    apart = np.where(count > 0, 1 - paired / np.maximum(count, 1), 0.0)
    return Coincidence(left.frame[i], left.id[i], right.id[j], iou, apart)
