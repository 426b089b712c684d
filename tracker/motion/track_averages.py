"""Track statistics: slow averages of a track's box in continuous time, its age and its last crowding.

Dancers return to a position, and a size averaged over seconds is more reliable than the last box before an occlusion.
One row a track: time of birth, crowding of the last match, and for each of `SPANS` an exponential average of the box's
coordinates with that time constant. Averages are bias-corrected, so that a young track's is a plain mean (Kingma &
Ba, "Adam", ICLR 2015, section 3, here for uneven intervals).
"""

from __future__ import annotations

import numpy as np

from tracker.boxes import magnification, neighbour_iou, occlusion_ratio, overlapping_pairs
from tracker.motion.base import Observations, TrackStatistics
from tracker.types import Float64

SPANS = np.array([1.0, 6.0])  # seconds
BORN, CROWDED, USUAL = 0, 1, 2  # columns
WIDTH = USUAL + 4 * len(SPANS)
PRESENT = 1.0  # longest time since the last match for which a track can occlude another, seconds


def first(observations: Observations, time: float) -> Float64:
    """(N, WIDTH) rows of tracks whose first detections were at `time` seconds."""
    born = np.full((len(observations.score), 1), time)
    return np.concatenate(
        [born, _crowding(observations)[:, None], np.tile(observations.coordinates, len(SPANS))], axis=1
    )


def follow(rows: Float64, observations: Observations, time: float, elapsed: Float64) -> Float64:
    """The rows after matches at `time`, `elapsed` (N,) seconds after the last; confident, uncrowded ones weigh most."""
    crowded = _crowding(observations)
    age = (time - rows[:, BORN])[:, None]
    quality = (observations.score * (1 - crowded))[:, None]
    # weight of the time since the last match among all remembered time
    gain = quality * np.expm1(-elapsed[:, None] / SPANS) / np.expm1(-(age + elapsed[:, None]) / SPANS)
    new = rows.copy()
    new[:, CROWDED] = crowded
    usual = new[:, USUAL:].reshape(len(rows), len(SPANS), 4)
    usual += gain[:, :, None] * (observations.coordinates[:, None] - usual)
    return new


def warp(rows: Float64, affine: Float64) -> Float64:
    """The rows in the pixels of a frame whose camera has moved by the (2, 3) `affine`."""
    linear, shift = affine[:, :2], affine[:, 2]
    new = rows.copy()
    usual = new[:, USUAL:].reshape(len(rows), len(SPANS), 4)
    usual[:, :, :2] = usual[:, :, :2] @ linear.T + shift
    usual[:, :, 2:] += 0.5 * np.log(magnification(linear))
    return new


def recall(rows: Float64, xyxy: Float64, elapsed: Float64, time: float) -> TrackStatistics:
    """The statistics at `time` of tracks predicted at `xyxy` (N, 4), last matched `elapsed` (N,) seconds before."""
    covered, near = np.zeros(len(rows)), np.zeros(len(rows))
    there = np.flatnonzero(elapsed < PRESENT)
    if len(there) > 1:
        boxes = xyxy[there]
        touch = overlapping_pairs(boxes)
        near[there] = neighbour_iou(boxes, touch)
        covered[there] = occlusion_ratio(boxes, touch)
    usual = rows[:, USUAL:].reshape(len(rows), len(SPANS), 4)
    return TrackStatistics(usual, rows[:, CROWDED], time - rows[:, BORN], covered, near)


def _crowding(observations: Observations) -> Float64:
    return np.zeros(len(observations.score)) if observations.crowding is None else observations.crowding
