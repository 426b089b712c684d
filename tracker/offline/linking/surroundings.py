"""What happened during a link: what the online tracker decided, and what other boxes covered."""

from __future__ import annotations

import numpy as np

from models.runtime.maths import ranges
from tracker.boxes import to_xyxy
from tracker.offline.linking.pieces import Pieces
from tracker.offline.online import OnlineTracks
from tracker.offline.recording import Recording
from tracker.types import Float64, Int64

SAMPLES = (0.2, 0.5, 0.8)  # shares of the absence at which the surroundings are looked at
MIN_SCORE = 0.4  # of a box that can cover another
SURE_MARGIN = 4.0  # log-odds; a smaller margin is a doubt


def online_features(r: Recording, earlier: Int64, later: Int64) -> Float64:
    """(K, 7) whether one online track holds both detections, its doubts between them, and its own log-odds of the pair.

    Args:
        r: the recording.
        earlier, later: (K,) rows of detections.
    """
    o = r.online
    n = len(o.track)
    order = np.lexsort((np.arange(n), o.track))
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    same = (o.track[earlier] == o.track[later]) & (o.track[earlier] >= 0)
    # the links between both: from the one after `earlier` to the one that leads to `later`
    low, high = np.where(same, place[earlier] + 1, 0), np.where(same, place[later] + 1, 1)
    bounds = np.stack([low, high], axis=1).ravel()

    def over(reduce: np.ufunc, values: Float64) -> Float64:
        padded = np.append(np.nan_to_num(values[order]), 0.0)
        return np.where(same, reduce.reduceat(padded, bounds)[::2], 0.0) if len(bounds) else np.zeros(0)

    margin, odds = o.margin.astype(np.float64), o.log_odds.astype(np.float64)
    weakest, least = over(np.minimum, margin), over(np.minimum, odds)
    doubts = over(np.add, np.maximum(SURE_MARGIN - np.nan_to_num(margin), 0))
    frame = r.detections.frame
    share = np.where(same, high - low - 1, 0) / np.maximum(frame[later] - frame[earlier] - 1, 1)
    known, scored = _scored(o, earlier, later)
    return np.stack(
        [
            same,
            np.clip(weakest / 4, -2, 4),
            np.clip(least / 4, -3, 4),
            np.log1p(doubts) / 2,
            share,
            known,
            np.clip(scored / 4, -3, 4),
        ],
        axis=1,
    ).astype(np.float64)


def _scored(o: OnlineTracks, earlier: Int64, later: Int64) -> tuple[Int64, Float64]:
    """(K,) whether the online tracker scored the pair of detections, and (K,) its log-odds, 0 where it did not."""
    if not len(o.pair_earlier):
        return np.zeros(len(earlier), np.int64), np.zeros(len(earlier))
    n = len(o.track)
    key = o.pair_earlier * n + o.pair_later
    by = np.argsort(key, kind="stable")
    want = earlier * n + later
    at = by[np.minimum(np.searchsorted(key[by], want), len(key) - 1)]
    known = key[at] == want
    return known.astype(np.int64), np.where(known, o.pair_log_odds[at], 0).astype(np.float64)


def surrounding_features(r: Recording, pieces: Pieces, earlier: Int64, later: Int64) -> Float64:
    """(K, 2 + 2 S) how many frames an absence lasts, and how far other boxes cover and meet the box within it.

    The box is interpolated in time. Only boxes with a lower bottom edge, nearer to the camera, cover it.
    """
    d = r.detections
    begin, end = d.frame[pieces.last[earlier]], d.frame[pieces.first[later]]
    out = np.zeros((len(earlier), 2 + 2 * len(SAMPLES)))
    out[:, 0] = np.log1p(end - begin - 1) / 2
    out[:, 1] = end - begin == 1
    gap = (end - begin > 1).nonzero()[0]
    begin, end = begin[gap], end[gap]
    here, there = r.coordinates[pieces.last[earlier[gap]]], r.coordinates[pieces.first[later[gap]]]
    for k, share in enumerate(SAMPLES):
        frame = np.clip(np.round(begin + share * (end - begin)).astype(np.int64), begin + 1, end - 1)
        w = ((d.times[frame] - d.times[begin]) / (d.times[end] - d.times[begin]))[:, None]
        out[gap, 2 + 2 * k : 4 + 2 * k] = _met(r, to_xyxy(here * (1 - w) + there * w), frame)
    return out


def _met(r: Recording, box: Float64, frame: Int64) -> Float64:
    """(Q, 2) the largest share that one box of the frame covers of each box, and the largest IoU with one."""
    count = r.first[frame + 1] - r.first[frame]
    pair, other = np.repeat(np.arange(len(box)), count), ranges(r.first[frame], count)
    sure = r.score[other] > MIN_SCORE
    pair, other = pair[sure], other[sure]
    near = to_xyxy(r.coordinates[other])
    low, high = np.maximum(box[pair, :2], near[:, :2]), np.minimum(box[pair, 2:], near[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    area, area_near = (box[:, 2:] - box[:, :2]).prod(axis=1)[pair], (near[:, 2:] - near[:, :2]).prod(axis=1)
    met = np.zeros((2, len(box)))
    np.maximum.at(met[0], pair, np.where(near[:, 3] > box[pair, 3], shared / area, 0))
    np.maximum.at(met[1], pair, shared / (area + area_near - shared))
    return met.T
