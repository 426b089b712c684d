"""Static clutter: weak detections that do not move, such as a sign or a bush detected as a person with a low score.

Their scores are too low to start a track, but a lost track nearby could re-attach to one and stay there. A position
with repeated weak detections that belong to no track is remembered as clutter.
"""

from __future__ import annotations

import numpy as np

from tracker.boxes import overlaps
from tracker.types import Bool, Float64

SAME_IOU = 0.7  # IoU of two detections of one static object
MIN_DURATION_S = 1.0  # seconds from the first to the latest detection from which a position is clutter
MEMORY_S = 10.0  # seconds without a detection after which clutter is dropped: passing people occlude it
UNCONFIRMED_MEMORY_S = 1.0  # the same for a position that is not clutter yet
MIN_OBSERVATIONS = 4  # fewest detections of clutter


class StaticClutter:
    """The positions, one row each: box (4), seconds of the first and the latest detection, number of detections."""

    def __init__(self) -> None:
        self._rows: Float64 = np.zeros((0, 7))

    def warp(self, affine: Float64) -> None:
        """Transforms all positions into the pixels of a frame whose camera has moved by the (2, 3) `affine`."""
        for corner in (slice(0, 2), slice(2, 4)):
            self._rows[:, corner] = self._rows[:, corner] @ affine[:, :2].T + affine[:, 2]

    def is_clutter(self, xyxy: Float64) -> Bool:
        """(N,) which of the weak boxes (N, 4) are known clutter."""
        known = self._rows[_known(self._rows)]
        if not len(known):
            return np.zeros(len(xyxy), bool)
        stands: Bool = overlaps(xyxy, known[:, :4]).max(axis=1, initial=0) >= SAME_IOU
        return stands

    def forget(self, xyxy: Float64) -> None:
        """Drops the positions of boxes (N, 4) that have become tracks."""
        if len(xyxy) and len(self._rows):
            self._rows = self._rows[overlaps(self._rows[:, :4], xyxy).max(axis=1) < SAME_IOU]

    def observe(self, xyxy: Float64, time: float) -> None:
        """Learns from weak boxes (N, 4) that belong to no track and overlap no other object, at `time` seconds."""
        if len(self._rows):
            kept = time - self._rows[:, 5] <= np.where(_known(self._rows), MEMORY_S, UNCONFIRMED_MEMORY_S)
            if not kept.all():
                self._rows = self._rows[kept]
        if not len(xyxy):
            return
        rows = self._rows
        if len(rows):
            shared = overlaps(xyxy, rows[:, :4])
            known = shared.max(axis=1) >= SAME_IOU
            if known.any():
                at = shared[known].argmax(axis=1)
                rows[at, :4] += 0.2 * (xyxy[known] - rows[at, :4])
                rows[at, 5] = time
                rows[at, 6] += 1
                xyxy = xyxy[~known]
        new = np.ones((len(xyxy), rows.shape[1]))
        new[:, :4], new[:, 4:6] = xyxy, time
        self._rows = np.concatenate([rows, new])


def _known(rows: Float64) -> Bool:
    """(N,) which positions were detected for long enough and often enough."""
    known: Bool = (rows[:, 5] - rows[:, 4] >= MIN_DURATION_S) & (rows[:, 6] >= MIN_OBSERVATIONS)
    return known
