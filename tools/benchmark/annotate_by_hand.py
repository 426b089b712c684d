"""Annotation by hand in CVAT's way, for `liquidtrack bench annotate`: key boxes, and straight lines between them.

The truth is what a careful annotator draws. An object that is out of sight begins anew when it is back. Key boxes lie
at both ends of each stretch, and either at even times between them or where the line would leave the object: there the
annotator sees when a box no longer fits, which is the least work that anyone could do by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from datasets.ground_truth.tracking import BoxTable
from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class HandMade:
    """Boxes of one recording: R rows, sorted by frame, then id; and the number of key boxes that were drawn."""

    frame: Int64
    id: Int64
    xyxy: Float64
    keys: int


def by_hand(
    truth: BoxTable, times: Float64, every: float | None = None, iou: float = 0.7, share: float = 1.0
) -> HandMade:
    """The boxes of all objects, from key boxes.

    Args:
        truth: the objects.
        times: (F,) seconds.
        every: seconds between key boxes; None for one wherever the line falls under `iou`.
        iou: least overlap of the line with the object.
        share: part of the stretches that is done, the earliest first.
    """
    frame = np.repeat(np.arange(len(times)), np.diff(truth.start))
    order = np.lexsort((frame, truth.id))
    new = np.flatnonzero((np.diff(truth.id[order]) != 0) | (np.diff(frame[order]) > 1)) + 1
    stretches = sorted(np.split(order, new), key=lambda rows: int(frame[rows[0]])) if len(order) else []
    stretches = stretches[: round(share * len(stretches))]
    frames, ids, boxes, keys = [], [], [], 0
    for rows in stretches:
        time, box = times[frame[rows]], truth.xyxy[rows]
        at = _even(time, every) if every is not None else where_needed(time, box, iou)
        keys += len(at)
        frames.append(frame[rows])
        ids.append(truth.id[rows])
        boxes.append(np.stack([np.interp(time, time[at], box[at, k]) for k in range(4)], axis=1))
    if not frames:
        return HandMade(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)), 0)
    every_frame, every_id = np.concatenate(frames), np.concatenate(ids)
    by = np.lexsort((every_id, every_frame))
    return HandMade(every_frame[by], every_id[by], np.concatenate(boxes)[by], keys)


def _even(time: Float64, every: float) -> Int64:
    """Rows of key boxes `every` seconds, and at both ends."""
    wanted = np.arange(time[0], time[-1], every)
    near = np.searchsorted(time, wanted - 1e-9)
    return np.unique(np.append(near, [0, len(time) - 1]))


def where_needed(time: Float64, box: Float64, iou: float) -> Int64:
    """Rows of key boxes so that lines between them keep the overlap: each line as long as possible."""
    keys = [0]
    while keys[-1] < len(time) - 1:
        start, step, good = keys[-1], 1, keys[-1] + 1
        # grows while the line fits, then halves the step: the lengths that fit are nearly always the shorter ones
        while step:
            end = min(good + step, len(time) - 1)
            if end > good and _fits(time, box, start, end, iou):
                good, step = end, step * 2
            else:
                step //= 2
        keys.append(good)
    return np.array(keys, np.int64)


def _fits(time: Float64, box: Float64, start: int, end: int, iou: float) -> bool:
    share = ((time[start : end + 1] - time[start]) / (time[end] - time[start]))[:, None]
    line, real = box[start] * (1 - share) + box[end] * share, box[start : end + 1]
    side = np.maximum(np.minimum(line[:, 2:], real[:, 2:]) - np.maximum(line[:, :2], real[:, :2]), 0)
    shared = side.prod(axis=1)
    areas = (line[:, 2:] - line[:, :2]).prod(axis=1) + (real[:, 2:] - real[:, :2]).prod(axis=1)
    return bool((shared >= iou * (areas - shared)).all())


def at_target(effort: Float64, figure: Float64, target: float) -> float:
    """The effort at which a curve first reaches a figure, by straight lines between its points; nan where it does not.

    Args:
        effort: (K,) rising.
        figure: (K,) what was reached with it.
        target: the figure.
    """
    if len(figure) and figure[0] >= target:
        return float(effort[0])
    for (a, x), (b, y) in pairwise(zip(effort.tolist(), figure.tolist(), strict=True)):
        if y >= target:
            return float(a + (b - a) * (target - x) / (y - x))
    return float("nan")
