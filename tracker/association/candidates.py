"""Track birth by evidence: weak detections that repeat at one place start a track once they are likely an object.

A candidate is a position (which may move) at which weak detections repeat while no track explains them. The log-odds
of an object there are a logistic regression on four features: the mean log-odds of the scores, the seconds since the
first detection, the share of frames with a detection, and the size in the image. One rule serves all detectors. The
weights were fitted on three networks over 240 moving views of COCO images and on MOT17's public detections at 30 and
6 frames a second, each with the same total weight (`docs/lab/births.md` has the fit).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.association.assignment import assign
from tracker.boxes import overlap, overlaps
from tracker.motion.base import Observations
from tracker.table import Table
from tracker.types import Bool, Float64, Int64

# log-odds: constant; per log-odds of mean score, factor e of time, share of frames, factor e of relative side length
WEIGHTS = np.array([0.476, 1.427, 0.352, 0.467, 0.269])
# A large object without a track is the most visible error. A small static detection is often a sign or a bush, the same
# error in every frame; a moving one is not. Log-odds for each factor e in side length above and below exp(PIVOT), 20 %
# of the image's.
PIVOT = -1.6
LEAN_LARGE = 0.7
LEAN_SMALL = 0.35
LEAN_STILL = 1.0  # for small candidates that have moved less than MOVED of their side
MOVED = 0.5
TIME_UNIT_S = 0.1  # time unit of the second feature: log(1 + seconds / unit)
MAX_TIME_S = 0.7  # more time adds no evidence: detections of the same pixels share their errors
MIN_TIME_S = 0.3  # seconds between a candidate's first and latest detection before it can become a track
MIN_SIGHTS = 4
MAX_GAP_S = 0.5  # seconds without a detection after which a candidate is dropped
BUFFER = 0.3  # share of its size by which a box is enlarged before it is matched with a candidate (C-BIoU)
MIN_BUFFERED_IOU = 0.3  # buffered IoU from which a detection continues a candidate
VELOCITY_SHARE = 0.4  # weight of the latest velocity in the average
EXPLAINED_IOU = 0.5  # IoU with a track from which a weak detection belongs to that track and is no new object
EXPLAINED_SHARE = 0.7  # share of a detection inside a track of its class from which it is a part of that object
MAX_SCORE = 0.999  # keeps log-odds finite


@dataclass(slots=True)
class _Table(Table):
    """All candidates, one row each, in every array."""

    xyxy: Float64  # (N, 4) the latest box, pixels
    origin: Float64  # (N, 2) the centre of the first box, in the latest frame's pixels
    velocity: Float64  # (N, 2) pixels a second
    first: Float64  # seconds
    latest: Float64  # seconds
    sights: Float64
    frames: Float64  # since the first detection, that one included
    logits: Float64  # sum of the scores' log-odds


class Candidates:
    """The candidates: weak detections that no track explains. Call `observe`, then `keep`, once a frame."""

    def __init__(self) -> None:
        zero = np.zeros(0)
        self._table = _Table(np.zeros((0, 4)), np.zeros((0, 2)), np.zeros((0, 2)), zero, zero, zero, zero, zero)
        self._now = self._table  # one row for each weak detection of the frame

    def warp(self, affine: Float64) -> None:
        """Transforms all candidates into the pixels of a frame whose camera has moved by the (2, 3) `affine`."""
        table, linear = self._table, affine[:, :2]
        corners = table.xyxy.reshape(-1, 2, 2) @ linear.T + affine[:, 2]
        table.xyxy = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        table.velocity = table.velocity @ linear.T
        table.origin = table.origin @ linear.T + affine[:, 2]

    def observe(self, weak: Observations, tracks: Float64, track_label: Int64, time: float, area: float) -> Float64:
        """(M,) log-odds that each weak detection is an object without a track; -inf where the evidence is too little.

        Args:
            weak: the M weak detections of the frame.
            tracks: (N, 4) predicted boxes of the tracks, pixels.
            track_label: (N,) their classes.
            time: seconds, later than the last call's.
            area: of the frame, square pixels.
        """
        table = self._table
        if len(table.first):
            fresh = time - table.latest <= MAX_GAP_S
            table = table if fresh.all() else table.take(fresh)
            table.frames = table.frames + 1
        self._table = table
        count = len(weak.score)
        score = np.minimum(weak.score, MAX_SCORE)
        logit: Float64 = np.log(score / (1 - score))
        now, one, zero = np.full(count, time), np.ones(count), np.zeros((count, 2))
        self._now = new = _Table(weak.xyxy, _centre(weak.xyxy), zero, now.copy(), now, one, one.copy(), logit)
        if count and len(table.first):
            self._follow(weak.xyxy, time)
        odds = np.full(count, -np.inf)
        ripe = ((new.latest - new.first >= MIN_TIME_S) & (new.sights >= MIN_SIGHTS)).nonzero()[0]
        if len(ripe) and len(tracks):
            ripe = ripe.compress(~_explained(new.xyxy.take(ripe, 0), weak.label.take(ripe), tracks, track_label))
        if len(ripe):
            odds[ripe] = _evidence(new, ripe, area)
        return odds

    def keep(self, rows: Bool) -> None:
        """Keeps the weak detections of the last `observe` in the (M,) mask as candidates."""
        if len(rows):
            self._table = self._table.join(self._now.take(rows))

    def _follow(self, xyxy: Float64, time: float) -> None:
        """Moves the history of each continued candidate to its row of this frame, and drops the old row."""
        table, new = self._table, self._now
        step = (time - table.latest)[:, None]
        predicted = table.xyxy + np.tile(table.velocity * step, 2)
        m, n = len(xyxy), len(table.first)
        i, j = np.divmod(np.arange(m * n), n)
        gain = overlap(predicted.take(j, 0), xyxy.take(i, 0), BUFFER).buffered - MIN_BUFFERED_IOU
        at, to = assign(i, j, gain)
        moved = _centre(xyxy[at]) - _centre(table.xyxy[to])
        velocity = moved / step[to]
        trust = np.where(table.sights[to] == 1, 1.0, VELOCITY_SHARE)[:, None]
        new.velocity[at] = table.velocity[to] + trust * (velocity - table.velocity[to])
        new.origin[at] = table.origin[to]
        new.first[at] = table.first[to]
        new.sights[at] += table.sights[to]
        new.frames[at] = table.frames[to]
        new.logits[at] += table.logits[to]
        left = np.ones(n, bool)
        left[to] = False
        self._table = table.take(left)


def _explained(xyxy: Float64, label: Int64, tracks: Float64, track_label: Int64) -> Bool:
    """(R,) which boxes (R, 4) of classes (R,) belong to a track's box (N, 4) of class (N,): a duplicate, or a part."""
    iou = overlaps(xyxy, tracks)
    areas, of_tracks = ((box[:, 2:] - box[:, :2]).prod(axis=1) for box in (xyxy, tracks))
    shared = iou * (areas[:, None] + of_tracks) / (1 + iou)
    part = (shared / areas[:, None] >= EXPLAINED_SHARE) & (label[:, None] == track_label)
    explained: Bool = ((iou >= EXPLAINED_IOU) | part).any(axis=1)
    return explained


def _evidence(table: _Table, rows: Int64, area: float) -> Float64:
    """(R,) log-odds that these rows are objects, in a frame of `area` square pixels."""
    xyxy, sights = table.xyxy.take(rows, 0), table.sights.take(rows)
    side = np.sqrt((xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1))
    size = np.log(np.maximum(side, 1)) - 0.5 * np.log(area)
    seconds = np.minimum(table.latest.take(rows) - table.first.take(rows), MAX_TIME_S)
    mean, share = table.logits.take(rows) / sights, sights / table.frames.take(rows)
    odds: Float64 = WEIGHTS @ np.stack([np.ones(len(rows)), mean, np.log1p(seconds / TIME_UNIT_S), share, size])
    still = np.hypot(*(_centre(xyxy) - table.origin.take(rows, 0)).T) < MOVED * side
    lean = np.where(size > PIVOT, LEAN_LARGE, np.where(still, LEAN_STILL, LEAN_SMALL))
    odds += lean * (size - PIVOT)
    return odds


def _centre(xyxy: Float64) -> Float64:
    """(N, 2) of boxes (N, 4)."""
    return 0.5 * (xyxy[:, :2] + xyxy[:, 2:])
