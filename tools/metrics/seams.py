"""How well tracks go on over the seams of a recording that was tracked in segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tracker.association.assignment import assign
from tracker.boxes import overlaps
from tracker.types import Float32, Float64, Int64

HIT = 0.5  # lowest IoU of a box with the box of the same object


@dataclass(frozen=True, eq=False, slots=True)
class SeamTracks:
    """The tracks of a recording: R rows, sorted by frame.

    Attributes:
        frame: (R,) frame of each row.
        id: (R,) once in a frame.
        xyxy: (R, 4) pixels.
    """

    frame: Int64
    id: Int64
    xyxy: Float32 | Float64

    def at(self, frame: int) -> slice:
        """The rows of a frame."""
        first, end = np.searchsorted(self.frame, [frame, frame + 1]).tolist()
        return slice(first, end)


class SeamCounts(NamedTuple):
    """Objects on both sides of a seam.

    Attributes:
        continuous: number of those with the same id on both sides.
        crossing: number of all of them.
    """

    continuous: int
    crossing: int

    def plus(self, other: SeamCounts) -> SeamCounts:
        """The sum of both."""
        return SeamCounts(self.continuous + other.continuous, self.crossing + other.crossing)

    @property
    def share(self) -> float:
        """Percent of them that go on; 100 where there are none."""
        return 100 * self.continuous / self.crossing if self.crossing else 100.0


NO_SEAM_COUNTS = SeamCounts(0, 0)


def crossing_tracks(whole: SeamTracks, joined: SeamTracks, seams: Sequence[int]) -> SeamCounts:
    """Tracks of an undivided run that are shown before and after a seam, and how many have one id when joined.

    Compared are the ids at the last box before the seam and at the first one from it on that both runs show (IoU of 0.5
    or more). A track without such boxes counts as not continuous.

    Args:
        whole: the tracks of the undivided run.
        joined: the tracks of the segments.
        seams: the first frame after each seam.
    """
    order = np.argsort(whole.id, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(whole.id[order])) + 1) if len(order) else []
    total = NO_SEAM_COUNTS
    for seam in seams:
        sides = [(rows[whole.frame[rows] < seam][::-1], rows[whole.frame[rows] >= seam]) for rows in groups]
        sides = [side for side in sides if len(side[0]) and len(side[1])]
        found = [tuple(_id_of(whole, joined, rows) for rows in side) for side in sides]
        total = total.plus(SeamCounts(sum(a == b != -1 for a, b in found), len(found)))
    return total


def crossing_objects(truth: SeamTracks, tracks: SeamTracks, seams: Sequence[int]) -> SeamCounts:
    """True objects that are tracked in the frame before a seam and in the frame after it, and how many keep their id.

    An undivided run has a figure too, since it may change an id in that very frame.
    """
    total = NO_SEAM_COUNTS
    for seam in seams:
        before, after = (_ids_of_objects(truth, tracks, frame) for frame in (seam - 1, seam))
        both = before.keys() & after.keys()
        total = total.plus(SeamCounts(sum(before[one] == after[one] for one in both), len(both)))
    return total


def _id_of(tracks: SeamTracks, others: SeamTracks, rows: Int64) -> int:
    """The id of the other tracks' box at the first of the rows that they show; -1 where they show none."""
    for row in rows.tolist():
        at = others.at(int(tracks.frame[row]))
        iou = overlaps(tracks.xyxy[row : row + 1].astype(np.float64), others.xyxy[at].astype(np.float64))[0]
        if iou.max(initial=0) >= HIT:
            return int(others.id[at][iou.argmax()])
    return -1


def _ids_of_objects(truth: SeamTracks, tracks: SeamTracks, frame: int) -> dict[int, int]:
    a, b = truth.at(frame), tracks.at(frame)
    iou = overlaps(truth.xyxy[a].astype(np.float64), tracks.xyxy[b].astype(np.float64))
    i, j = (iou >= HIT).nonzero()
    i, j = assign(i, j, iou[i, j])
    return dict(zip(truth.id[a][i].tolist(), tracks.id[b][j].tolist(), strict=True))
