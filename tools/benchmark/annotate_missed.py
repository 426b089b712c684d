"""Objects without a box, which the simulated annotator of `liquidtrack bench annotate` draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.ground_truth.tracking import HIT, BoxTable
from tools.benchmark.annotate_by_hand import where_needed
from tools.benchmark.annotate_workspace import Workspace
from tracker.boxes import overlaps
from tracker.types import Float64, Int64

LEAST_S = 0.3  # seconds of a miss that is drawn
LINE_IOU = 0.6  # overlap that lines between drawn boxes keep
MISS_COST = 0.5  # of a second without a box, beside a second with a wrong identity
BESIDE_S = 0.25  # seconds to a box of the track that makes a drawn box at that end needless


@dataclass(frozen=True, eq=False, slots=True)
class Missed:
    """A stretch of an object without boxes: K drawn boxes say where it is.

    Attributes:
        object: its number in the truth.
        first, last: frames of the whole stretch.
        frame: (K,) frames of the boxes to draw.
        xyxy: (K, 4).
        middle: frame and box in the middle, all that is drawn where the track has boxes right beside both ends.
        value: seconds put right by a drawn box.
    """

    object: int
    first: int
    last: int
    frame: Int64
    xyxy: Float64
    middle: tuple[int, Float64]
    value: float


def missed_stretches(truth: BoxTable, work: Workspace) -> list[Missed]:
    """All stretches in which no box of any track is on an object, most valuable first."""
    frame, _, xyxy = work.boxes()
    begin = np.searchsorted(frame, np.arange(len(work.times) + 1))
    covered = np.zeros(len(truth.id), bool)
    for k in range(len(work.times)):
        rows = slice(int(truth.start[k]), int(truth.start[k + 1]))
        own = xyxy[begin[k] : begin[k + 1]].astype(np.float64)
        if len(own) and rows.stop > rows.start:
            covered[rows] = (overlaps(truth.xyxy[rows], own) >= HIT).any(axis=1)
    at = np.repeat(np.arange(len(work.times)), np.diff(truth.start))
    open_ = (~covered).nonzero()[0]
    open_ = open_[np.lexsort((at[open_], truth.id[open_]))]
    new = np.flatnonzero((np.diff(truth.id[open_]) != 0) | (np.diff(at[open_]) > 1)) + 1
    found = []
    for miss in np.split(open_, new) if len(open_) else []:
        time = work.times[at[miss]]
        if time[-1] - time[0] < LEAST_S:
            continue
        keys = where_needed(time, truth.xyxy[miss], LINE_IOU)
        value = MISS_COST * float(time[-1] - time[0]) / len(keys)
        frames = at[miss]
        number = int(truth.id[miss[0]])
        centre = int(miss[len(miss) // 2])
        middle = int(at[centre]), truth.xyxy[centre]
        found.append(
            Missed(number, int(frames[0]), int(frames[-1]), frames[keys], truth.xyxy[miss[keys]], middle, value)
        )
    return sorted(found, key=lambda one: -one.value)
