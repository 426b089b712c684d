"""What the learned association sees of a pair and what the liquid state sees of a match.

All is relative to the object's own box height or to the prediction's spread: image scale and position do not matter.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tracker.association.costs import Pairs, cues
from tracker.boxes import overlap, to_xyxy
from tracker.learned.gating import shortlist
from tracker.motion.base import Habit, Look, Prediction
from tracker.motion.track_averages import SPANS
from tracker.types import Float32, Float64, Int64

WEAK = 0.4  # score below which the untrained odds ask for more: the second of the two stages
WEAK_ODDS = 2.94

PAIR = 23  # numbers of the pair itself
USUAL = 4 * len(SPANS)
TRACK = 5  # numbers of the pair's track
SCENE = 6  # numbers of the frame
FEATURES = PAIR + USUAL + TRACK + SCENE
INPUTS = 16 + USUAL  # numbers a match
LATE = 1.0  # seconds after the scene's first track from which on a track came late
GONE = 0.3  # seconds unseen from which on a track is lost


class PairView(NamedTuple):
    """What the head is given of K pairs of a frame.

    Attributes:
        track, detection: (K,) rows.
        features: (K, FEATURES).
        z: (K, 4) gaps in standard deviations.
        gap: (K, 2) gaps of the centres in heights.
        base: (K,) log-odds of the prior's own association.
        rows: (K,) where these pairs stand among all.
        settled: (S,) where the pairs stand that are matches beyond doubt and left out.
        known: (S, 2) `gap` of these.
    """

    track: Int64
    detection: Int64
    features: Float32
    z: Float32
    gap: Float32
    base: Float32
    rows: Int64
    settled: Int64
    known: Float32


def pair_view(pairs: Pairs, habits: bool = True, settle: bool = False) -> PairView:
    """The pairs that are worth a look.

    Args:
        pairs: their `prediction` is the prior's, with a habit.
        habits: without, nothing is told of what only a memory knows.
        settle: leave out what is beyond doubt.
    """
    found = cues(pairs)
    odds = found.odds - WEAK_ODDS * (pairs.look.score < WEAK).take(pairs.detection)  # what two stages do, in one
    good, settled = shortlist(pairs, odds, settle)
    moved = _moved(pairs, settled).astype(np.float32)
    if len(good) == 0:
        none = np.zeros((0, FEATURES), np.float32)
        return PairView(good, good, none, none[:, :4], none[:, :2], none[:, 0], good, settled, moved)
    i, j = pairs.track.take(good), pairs.detection.take(good)
    p, look, habit = pairs.prediction, pairs.look, pairs.prediction.habit
    assert habit is not None
    assert look.crowding is not None
    assert look.inside is not None
    out = np.empty((FEATURES, len(good)), np.float32)
    # what is known of tracks and of detections, each laid out once and taken to the pairs at once
    height = np.exp(p.seen[:, 3])
    of_track = np.concatenate([p.coordinates.T, p.seen.T, habit.usual.reshape(-1, USUAL).T, p.std.T, height[None]])
    of_pair = of_track.take(i, 1)
    here = look.coordinates.T.take(j, 1)
    gaps = np.concatenate([here, here, *[here] * len(SPANS)]) - of_pair[: 8 + USUAL]
    place, size = _split(gaps)
    place = place / of_pair[-1]
    soft, sizes = _soft(place), _size(size)
    z = gaps[:4] / of_pair[8 + USUAL : -1]
    out[:4], out[4:6], out[6:10] = soft[:4], sizes[2:4], np.arcsinh(z)
    boxes = (part.take(good) for part in found.boxes)
    out[10:13] = [*boxes]
    out[13] = overlap(to_xyxy(of_pair[4:8].T), look.xyxy.T.take(j, 1).T, 0.0).iou
    seen = np.concatenate([look.score, look.crowding]).reshape(2, -1)
    out[14], out[15] = np.log(p.std[:, 0] / height).take(i), pairs.score.take(i)
    out[16:18] = seen.take(j, 1)
    both = np.concatenate([found.density.take(good), odds.take(good)]).reshape(2, -1)
    out[18:20] = np.minimum(np.maximum(both / 10, -2), 2)
    alike = None if pairs.similarity is None else pairs.similarity.take(good)
    known = np.zeros(len(good)) if alike is None else np.isfinite(alike)
    out[20], out[21] = 0 if alike is None else np.where(known, alike, 0), known
    out[22] = look.inside.take(j)
    out[PAIR : PAIR + USUAL // 2], out[PAIR + USUAL // 2 : PAIR + USUAL] = soft[4:], sizes[4:]
    told = np.concatenate([habit.crowding, np.log1p(habit.age) / 3, habit.hidden, habit.near, _wait(p.elapsed)])
    out[-SCENE - TRACK : -SCENE] = told.reshape(TRACK, -1).take(i, 1)
    out[-SCENE:] = _scene(p, habit, look)[:, None]
    if not habits:
        out[PAIR : PAIR + USUAL + 2] = 0
    single = np.float32
    gap, base = place[:2].T.astype(single), odds.take(good).astype(single)
    return PairView(i, j, out.T, z.T.astype(single), gap, base, good, settled, moved)


def _moved(pairs: Pairs, rows: Int64) -> Float64:
    """(S, 2) from the predictions to the detections of some pairs, in heights."""
    p, i = pairs.prediction, pairs.track.take(rows)
    gap = pairs.look.coordinates.take(pairs.detection.take(rows), 0) - p.coordinates.take(i, 0)
    moved: Float64 = gap[:, :2] / np.exp(p.seen[:, 3]).take(i)[:, None]
    return moved


def _scene(p: Prediction, habit: Habit, look: Look) -> Float64:
    """(SCENE,) of the frame: how old and full it is, how often somebody new comes, how many are lost or unexplained."""
    if not len(p.elapsed):
        return np.zeros(SCENE)
    oldest = habit.age.max()
    n, latest = len(p.elapsed), p.elapsed.min()
    here, late = np.count_nonzero(p.elapsed < 1.0), np.count_nonzero(habit.age < oldest - LATE)
    lost = np.count_nonzero(p.elapsed > GONE + latest)
    sure = np.count_nonzero(look.score >= WEAK)
    return np.array(
        [
            math.log1p(oldest) / 3,
            math.log1p(n) / 3,
            late / n,
            lost / n,
            math.log((1 + sure) / (1 + here)),
            _wait(latest),
        ]
    )


def match_inputs(prediction: Prediction, look: Look, moved: Float64, share: Float64) -> Float32:
    """(N, INPUTS) of the tracks and the detections that matched them, row by row.

    Args:
        moved: (N, 2) pixels by which the camera has moved the track since its last match.
        share: (N,) how far the track is taken for a walker.
    """
    p, habit = prediction, prediction.habit
    assert habit is not None
    n = len(share)
    here, height = look.coordinates.T, np.exp(p.seen[:, 3])
    gaps = np.concatenate([here, here, *[here] * len(SPANS)])
    gaps -= np.concatenate([p.coordinates.T, p.seen.T, habit.usual.reshape(n, USUAL).T])
    place, size = _split(gaps[4:])
    soft, sizes = _soft(np.concatenate([place, moved.T]) / height), _size(size)
    out = np.empty((INPUTS, n), np.float32)
    out[:4] = np.arcsinh(gaps[:4] / p.std.T)
    out[4:6], out[6:8] = soft[:2], sizes[:2]
    half = 8 + USUAL // 2
    out[8:half], out[half : 8 + USUAL] = soft[2:-2], sizes[2:]
    out[8 + USUAL : 10 + USUAL] = soft[-2:]
    crowding = look.crowding if look.crowding is not None else np.zeros(n)
    out[10 + USUAL :] = [look.score, crowding, _wait(p.elapsed), share, habit.hidden, np.log1p(habit.age) / 3]
    return out.T


def _split(gaps: Float64) -> tuple[Float64, Float64]:
    """(4 B, K) gaps of B boxes' coordinates -> (2 B, K) of their places and (2 B, K) of their sizes."""
    boxes, pairs = len(gaps) // 4, gaps.shape[1]
    parts = gaps.reshape(boxes, 2, 2, pairs)
    return parts[:, 0].reshape(2 * boxes, pairs), parts[:, 1].reshape(2 * boxes, pairs)


def _soft(lengths: Float64) -> Float64:
    """Lengths in heights, large ones by their logarithm."""
    soft: Float64 = np.arcsinh(4 * lengths) / 2
    return soft


def _size(logs: Float64) -> Float64:
    """Differences of log sizes, within reason."""
    size: Float64 = np.minimum(np.maximum(2 * logs, -3), 3)
    return size


def _wait(seconds: Float64) -> Float64:
    wait: Float64 = np.log1p(seconds / 0.1) / 2
    return wait
