"""Boxes for absences: which gaps between two sightings of a track are filled, and how probably the object is there.

A gap has one of three reasons. Another object is in front of this one (hidden), a detector has missed a visible object
for a moment (missed), or the object has gone, or the track is wrong. The two ends and the smoothed box tell them apart
in part: the probability below was fitted on MOT17's first halves, where hidden people count.

Whether a hidden object counts is the convention of whoever uses the tracks, and no detection tells it. Pedestrians of
MOT17 have boxes while they are hidden; dancers of DanceTrack and players of SportsMOT have none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.runtime.maths import ranges
from tracker.boxes import to_xyxy
from tracker.offline.config import Fill
from tracker.offline.smoothing.occlusion import occlusion
from tracker.offline.smoothing.sightings import Queries, Sightings
from tracker.offline.smoothing.smoother import Smoothed
from tracker.types import Bool, Float32, Float64, Int64

MAX_MISSED_S = 0.5  # longest absence that is taken for missed detections
MAX_HIDDEN_S = 3.0  # longest absence that is taken for occlusion
LONGEST_S = {"hidden": MAX_HIDDEN_S, "short": MAX_MISSED_S, "none": 0.0}  # longest absence that is filled
MIN_OCCLUSION = 0.5  # share that one nearer box covers of an object that is hidden
BORDER = 0.002  # objects within this share of the image's width from its left or right border may have left
MIN_PROBABILITY = {"hidden": 0.3, "short": 0.65, "none": 1.0}
# Log-odds that a filled box lies on its object, fitted to the IoU with the truth on MOT17's first halves at even and
# uneven times: by the logarithm of the gap in seconds, the occlusion, and the logarithm of the centre's standard
# deviation in sizes of the box. The scores of both ends are in that deviation already.
INTERCEPT, GAP, OCCLUSION, SPREAD = -5.2, -0.208, 0.594, -1.741


class Fills(NamedTuple):
    """The absences that get boxes.

    Attributes:
        query: (K,) rows of the queries, rising.
        probability: (K,) that the object is there, 0..1.
    """

    query: Int64
    probability: Float64


def absent_frames(sightings: Sightings, times: Float64, longest: float, looked: Bool | None = None) -> Queries:
    """The frames between two sightings of a track that are at most `longest` seconds apart, or two successive looks.

    Args:
        sightings: the tracks.
        times: (F,) seconds of all frames.
        longest: seconds.
        looked: (F,) the frames in which a detector looked; None for all.
    """
    frame, track = sightings.frame, sightings.track
    missing = np.where(track[1:] == track[:-1], frame[1:] - frame[:-1] - 1, 0)
    absent = times[frame[1:]] - times[frame[:-1]] > longest
    if looked is not None:
        absent &= ~between_looks(frame, looked)
    missing[absent] = 0
    after = np.repeat(np.arange(len(missing)), missing)
    hidden = ranges(frame[:-1] + 1, missing)
    return Queries(after, times[hidden], hidden)


def between_looks(frame: Int64, looked: Bool) -> Bool:
    """(N - 1,) whether nobody looked between each two successive frames of (N,): nothing was missed there."""
    looks = np.cumsum(looked)
    apart: Bool = np.diff(looks[frame]) <= 1
    return apart


def choose_fills(
    sightings: Sightings,
    queries: Queries,
    smoothed: Smoothed,
    link: Float32,
    size: tuple[int, int],
    fill: Fill,
    looked: Bool | None = None,
) -> Fills:
    """The queries that get a box.

    Args:
        sightings: the tracks.
        queries: frames in which they are absent.
        smoothed: the boxes at both.
        link: (N,) probability of the link from the sighting before.
        size: (width, height) of the images, pixels; (0, 0) where unknown.
        fill: hidden: occlusions and missed detections; short: only the latter; none.
        looked: (F,) the frames in which a detector looked; None for all. Queries between two successive looks are no
            absences, and all get a box.
    """
    before, later = queries.after, queries.after + 1
    xyxy = to_xyxy(smoothed.query_mean)
    near = np.flatnonzero(np.isin(sightings.frame, queries.frame))
    other_frame, others = sightings.frame[near], to_xyxy(smoothed.mean[near])
    unseen = np.zeros(len(queries), bool)
    if looked is not None and len(sightings):
        unseen = between_looks(sightings.frame, looked)[before]
        other_frame = np.concatenate([other_frame, queries.frame[unseen]])
        others = np.concatenate([others, xyxy[unseen]])
    order = np.argsort(other_frame, kind="stable")
    covered = occlusion(queries.frame, xyxy, other_frame[order], others[order])
    gap = sightings.time[later] - sightings.time[before]
    side = np.exp(0.5 * (smoothed.query_mean[:, 2] + smoothed.query_mean[:, 3]))
    spread = np.hypot(smoothed.query_std[:, 0], smoothed.query_std[:, 1]) / side
    odds = INTERCEPT + GAP * np.log(gap) + OCCLUSION * covered
    odds += SPREAD * np.log(np.maximum(spread, 1e-6))
    probability: Float64 = link[later] / (1 + np.exp(-odds))
    # a gap is filled as a whole or not at all
    of = np.unique(before, return_inverse=True)[1]
    possible = gap <= MAX_MISSED_S
    if fill == "hidden":
        possible |= _mean(covered, of) >= MIN_OCCLUSION
    possible &= (_mean(probability, of) >= MIN_PROBABILITY[fill]) & (_mean(at_border(xyxy, size), of) == 0)
    rows = np.flatnonzero(possible | unseen)
    return Fills(rows, probability[rows])


def _mean(values: Float64 | Bool, group: Int64) -> Float64:
    """(Q,) the mean of each row's group."""
    mean: Float64 = (np.bincount(group, values) / np.maximum(np.bincount(group), 1))[group]
    return mean


def at_border(xyxy: Float64, size: tuple[int, int]) -> Bool:
    """(Q,) whether each box reaches the left or the right border of an image of `size`; False where it is unknown."""
    width = size[0]
    if width <= 0:
        return np.zeros(len(xyxy), bool)
    reached: Bool = (xyxy[:, 0] <= BORDER * width) | (xyxy[:, 2] >= (1 - BORDER) * width)
    return reached
