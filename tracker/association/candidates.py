"""Track birth by evidence: weak detections that repeat at one place start a track once they are likely an object.

A candidate is a position (which may move) at which weak detections repeat while no track explains them. The log-odds
of an object there are a logistic regression on four features: the mean log-odds of the scores, the seconds since the
first detection, the share of frames with a detection, and the size in the image. One rule serves all detectors. The
weights were fitted on three networks over 240 moving views of COCO images and on MOT17's public detections at 30 and
6 frames a second, each with the same total weight (`docs/lab/births.md` has the fit).
"""

from __future__ import annotations

import numpy as np

from tracker.association.assignment import assign
from tracker.boxes import overlap, overlaps
from tracker.motion.base import Observations
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


# Rows of the candidates' array, (13, N): one column a candidate, so that NumPy's inner loop runs over all of them.
XYXY = slice(0, 4)  # the latest box, pixels
ORIGIN = slice(4, 6)  # the centre of the first box, in the latest frame's pixels
VELOCITY = slice(6, 8)  # pixels a second
FIRST, LATEST = 8, 9  # seconds
SIGHTS = 10
FRAMES = 11  # since the first detection, that one included
LOGITS = 12  # sum of the scores' log-odds
ROWS = 13


class Candidates:
    """The candidates: weak detections that no track explains. Call `observe`, then `keep`, once a frame."""

    def __init__(self) -> None:
        self._table: Float64 = np.zeros((ROWS, 0))
        self._now: Float64 = self._table  # one column for each weak detection of the frame

    def warp(self, affine: Float64) -> None:
        """Transforms all candidates into the pixels of a frame whose camera has moved by the (2, 3) `affine`."""
        table, linear, shift = self._table, affine[:, :2], affine[:, 2:]
        low, high = linear @ table[:2] + shift, linear @ table[2:4] + shift
        table[:2], table[2:4] = np.minimum(low, high), np.maximum(low, high)
        table[VELOCITY] = linear @ table[VELOCITY]
        table[ORIGIN] = linear @ table[ORIGIN] + shift

    def observe(self, weak: Observations, tracks: Float64, track_label: Int64, time: float, area: float) -> Float64:
        """(M,) log-odds that each weak detection is an object without a track; -inf where the evidence is too little.

        Args:
            weak: the M weak detections of the frame.
            tracks: (N, 4) predicted boxes of the tracks, pixels.
            track_label: (N,) their classes.
            time: seconds, later than the last call's.
            area: of the frame, square pixels.
        """
        if self._table.shape[1]:
            fresh = time - self._table[LATEST] <= MAX_GAP_S
            if not fresh.all():
                self._table = self._table.compress(fresh, 1)
            self._table[FRAMES] += 1
        count = len(weak.score)
        odds = np.full(count, -np.inf)
        self._now = new = np.zeros((ROWS, count))
        if not count:
            return odds
        score = np.minimum(weak.score, MAX_SCORE)
        new[XYXY] = weak.xyxy.T
        new[ORIGIN] = _centre(new)
        new[FIRST : LATEST + 1] = time
        new[SIGHTS : FRAMES + 1] = 1
        new[LOGITS] = np.log(score / (1 - score))
        if not (self._table.shape[1] and self._follow(time)):
            return odds
        ripe = ((new[LATEST] - new[FIRST] >= MIN_TIME_S) & (new[SIGHTS] >= MIN_SIGHTS)).nonzero()[0]
        if len(ripe) and len(tracks):
            boxes = np.ascontiguousarray(new[XYXY].T)
            ripe = ripe.compress(~_explained(boxes.take(ripe, 0), weak.label.take(ripe), tracks, track_label))
        if len(ripe):
            odds[ripe] = _evidence(new.take(ripe, 1), area)
        return odds

    def keep(self, rows: Bool) -> None:
        """Keeps the weak detections of the last `observe` in the (M,) mask as candidates."""
        if rows.any():
            self._table = np.concatenate([self._table, self._now.compress(rows, 1)], axis=1)

    def _follow(self, time: float) -> bool:
        """Moves the history of each continued candidate to its column of this frame, and drops the old column.

        Returns:
            Whether any candidate continues.
        """
        table, new = self._table, self._now
        step = time - table[LATEST]
        predicted, seen = table[XYXY] + np.concatenate([table[VELOCITY] * step] * 2), new[XYXY]
        # the grown boxes meet along x: most pairs of a crowd do not, and need no overlap
        (left, _, right, _), (low, _, high, _) = predicted, seen
        both = np.minimum(right, high[:, None]) - np.maximum(left, low[:, None])
        i, j = (both + BUFFER * ((right - left) + (high - low)[:, None]) > 0).nonzero()
        gain = overlap(predicted.take(j, 1).T, seen.take(i, 1).T, BUFFER).buffered - MIN_BUFFERED_IOU
        at, to = assign(i, j, gain)
        if not len(at):
            return False
        past, now = table.take(to, 1), new.take(at, 1)
        velocity = (_centre(now) - _centre(past)) / step.take(to)
        trust = np.where(past[SIGHTS] == 1, 1.0, VELOCITY_SHARE)
        now[VELOCITY] = past[VELOCITY] + trust * (velocity - past[VELOCITY])
        now[ORIGIN] = past[ORIGIN]
        now[FIRST] = past[FIRST]
        now[SIGHTS] += past[SIGHTS]
        now[FRAMES] = past[FRAMES]
        now[LOGITS] += past[LOGITS]
        new[:, at] = now
        left_over = np.ones(len(step), bool)
        left_over[to] = False
        self._table = table.compress(left_over, 1)
        return True


def _explained(xyxy: Float64, label: Int64, tracks: Float64, track_label: Int64) -> Bool:
    """(R,) which boxes (R, 4) of classes (R,) belong to a track's box (N, 4) of class (N,): a duplicate, or a part."""
    iou = overlaps(xyxy, tracks)
    areas, of_tracks = ((box[:, 2:] - box[:, :2]).prod(axis=1) for box in (xyxy, tracks))
    shared = iou * (areas[:, None] + of_tracks) / (1 + iou)
    part = (shared / areas[:, None] >= EXPLAINED_SHARE) & (label[:, None] == track_label)
    explained: Bool = ((iou >= EXPLAINED_IOU) | part).any(axis=1)
    return explained


def _evidence(table: Float64, area: float) -> Float64:
    """(R,) log-odds that these candidates (13, R) are objects, in a frame of `area` square pixels."""
    left, top, right, bottom = table[XYXY]
    side = np.sqrt((right - left) * (bottom - top))
    size = np.log(np.maximum(side, 1)) - 0.5 * np.log(area)
    seconds = np.minimum(table[LATEST] - table[FIRST], MAX_TIME_S)
    mean, share = table[LOGITS] / table[SIGHTS], table[SIGHTS] / table[FRAMES]
    odds: Float64 = WEIGHTS @ np.stack([np.ones(len(side)), mean, np.log1p(seconds / TIME_UNIT_S), share, size])
    still = np.hypot(*(_centre(table) - table[ORIGIN])) < MOVED * side
    lean = np.where(size > PIVOT, LEAN_LARGE, np.where(still, LEAN_STILL, LEAN_SMALL))
    odds += lean * (size - PIVOT)
    return odds


def _centre(table: Float64) -> Float64:
    """(2, N) of the boxes of candidates (13, N)."""
    return 0.5 * (table[:2] + table[2:4])
