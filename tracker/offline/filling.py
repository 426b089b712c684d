"""Boxes for absences: which gaps between two sightings of a track are filled, and how probably the object is there.

Three kinds of gaps are told apart. In some, another object hides this one; in short ones, a detector has missed it;
in all others the object has gone, or nobody knows where it is.
"""

from __future__ import annotations

import numpy as np

from tracker.boxes import to_xyxy
from tracker.offline.config import Fill
from tracker.offline.neighbours import neighbours
from tracker.offline.sightings import Queries, Sightings
from tracker.offline.smoothing import Smoothed
from tracker.types import Float64, Int64

MAX_MISSED_S = 0.5  # longest absence that is taken for missed detections
MAX_HIDDEN_S = 3.0  # longest absence that is taken for occlusion
LONGEST_S = {"hidden": MAX_HIDDEN_S, "short": MAX_MISSED_S, "none": 0.0}  # longest absence that is filled
MAX_SPREAD = 0.25  # largest standard deviation of a filled centre, in sizes of the box
MIN_INSIDE = 0.7  # smallest share of a filled box that lies in the image


def absent_frames(sightings: Sightings, times: Float64, longest: float) -> Queries:
    """The frames between two sightings of a track that are at most `longest` seconds apart.

    Args:
        sightings: the tracks.
        times: (F,) seconds of all frames.
        longest: seconds.
    """
    frame, track = sightings.frame, sightings.track
    missing = np.where(track[1:] == track[:-1], frame[1:] - frame[:-1] - 1, 0)
    missing[times[frame[1:]] - times[frame[:-1]] > longest] = 0
    after = np.repeat(np.arange(len(missing)), missing)
    turn = np.arange(len(after)) - np.repeat(np.cumsum(missing) - missing, missing)
    absent = frame[after] + 1 + turn
    return Queries(after, times[absent], absent)


def inside(xyxy: Float64, size: tuple[int, int]) -> Float64:
    """(Q,) the share of each box that lies in an image of `size`, 0..1; 1 where the size is not known."""
    if min(size) <= 0:
        return np.ones(len(xyxy))
    shared = np.minimum(xyxy[:, 2:], size) - np.maximum(xyxy[:, :2], 0)
    share: Float64 = np.maximum(shared, 0).prod(axis=1) / (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
    return share


def fill_probability(
    sightings: Sightings,
    queries: Queries,
    found: Smoothed,
    times: Float64,
    size: tuple[int, int],
    fill: Fill,
) -> tuple[Int64, Float64]:
    """(K,) the queries that get a box, and (K,) the probability that the object is there."""
    xyxy = to_xyxy(found.query_mean)
    order = np.argsort(sightings.frame, kind="stable")
    beside = neighbours(queries.frame, xyxy, sightings.frame[order], to_xyxy(found.mean)[order])
    absence = sightings.time[queries.after + 1] - sightings.time[queries.after]
    side = np.exp(0.5 * (found.query_mean[:, 2] + found.query_mean[:, 3]))
    spread = np.hypot(found.query_std[:, 0], found.query_std[:, 1]) / side
    probability = np.clip(1 - spread, 0, 1)
    good = (spread < MAX_SPREAD) & (inside(xyxy, size) > MIN_INSIDE)
    if fill == "short":
        good &= (absence < MAX_MISSED_S) & (beside.occlusion < 0.5)
    else:
        good &= ((beside.occlusion > 0.5) & (absence < MAX_HIDDEN_S)) | (absence < MAX_MISSED_S)
    kept = np.flatnonzero(good)
    return kept, probability[kept]
