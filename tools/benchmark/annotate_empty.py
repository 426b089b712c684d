"""Boxes on nothing, as the simulated annotator of `liquidtrack bench annotate` sees them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from datasets.ground_truth.tracking import BoxTable
from tracker.boxes import overlaps
from tracker.review.types import Question, TrackRows
from tracker.types import Bool, Float64

WORTH_S = 0.15  # seconds more on nothing than on an object that are worth a cut
STRIP_IOU = 0.3  # overlap from which a box looks right on a strip, though it is placed badly
STRIP_S = 1.0  # seconds between the pictures of a strip: what is shorter is not seen on it


def shown_shares(detections: BoxTable, truth: BoxTable) -> Float64:
    """(N,) IoU of each detection with the nearest object; 1 where it shows one, also one that does not count."""
    share = (detections.id >= 0).astype(np.float64)
    for k, (first, last) in enumerate(pairwise(detections.start.tolist())):
        boxes = truth.at(k)[1]
        if last > first and len(boxes):
            found = overlaps(detections.xyxy[first:last], boxes).max(axis=1)
            share[first:last] = np.maximum(share[first:last], found)
    return share


def best_cut(question: Question, rows: TrackRows, empty: Bool) -> tuple[str, int] | None:
    """The answer that takes away most boxes on nothing, less those on an object, and its frame; None to keep all.

    The frame of a cut is found by stepping through what is shown.

    Args:
        question: about a stretch.
        rows: of its track.
        empty: (R,) which of them are on nothing.
    """
    total = np.concatenate([[0.0], np.cumsum(np.where(empty, 1.0, -1.0) * _seconds(rows))])
    cuts = np.arange(*np.searchsorted(rows.frame, [question.first, question.last + 1]))
    cuts = cuts[cuts > 0]
    found: list[tuple[float, str, int]] = []
    for option in question.options[1:]:
        assert option.operation is not None
        given = option.operation[1]
        if option.key == "part":
            first, end = np.searchsorted(rows.frame, [given["first"], given["last"] + 1]).tolist()
            found.append((float(total[end] - total[first]), "part", question.frame))
        elif len(cuts):
            gains = total[-1] - total[cuts] if option.key == "rest" else total[cuts]
            best = int(np.argmax(gains))
            found.append((float(gains[best]), option.key, int(rows.frame[cuts[best]])))
    gain, key, frame = max(found, key=lambda one: one[0], default=(0.0, "keep", 0))
    return (key, frame) if gain >= WORTH_S else None


def empty_stretches(rows: TrackRows, empty: Bool) -> list[tuple[int, int]]:
    """(first, last) frames in which a track is on nothing for as long as is seen on its strip of pictures."""
    change = np.flatnonzero(np.diff(empty)) + 1
    parts = np.split(np.arange(len(rows)), change)
    return [
        (int(rows.frame[part[0]]), int(rows.frame[part[-1]]))
        for part in parts
        if empty[part[0]] and rows.time[part[-1]] - rows.time[part[0]] >= STRIP_S
    ]


def _seconds(rows: TrackRows) -> Float64:
    """(R,) the seconds that each row stands for."""
    step = np.diff(rows.time)
    usual = float(np.median(step)) if len(step) else 0.0
    return np.append(np.minimum(step, 2 * usual), usual)
