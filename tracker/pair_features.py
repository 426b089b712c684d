"""What the learned association sees of a pair and what the liquid state sees of a match.

All is relative to the object's own box height or to the prediction's spread: image scale and position do not matter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tracker.boxes import to_xyxy
from tracker.costs import MIX_BUFFER, Pairs, density, mix
from tracker.habit import SPANS
from tracker.motion import Habit, Look, Prediction
from tracker.types import Bool, Float32, Float64, Int64

WEAK = 0.4  # score below which the untrained odds ask for more: the second of the two stages
WEAK_ODDS = 2.94

PAIR = 22  # numbers of the pair itself
USUAL = 4 * len(SPANS)
TRACK = 5  # numbers of the pair's track
SCENE = 6  # numbers of the frame
FEATURES = PAIR + USUAL + TRACK + SCENE
INPUTS = 16 + USUAL  # numbers a match
HOPELESS = -8.0  # log-odds of the prior from which on a pair is not looked at: none below -6 was ever matched
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
    """

    track: Int64
    detection: Int64
    features: Float32
    z: Float32
    gap: Float32
    base: Float32


def pair_view(pairs: Pairs) -> tuple[PairView, Bool]:
    """The pairs that are worth a look, and (K,) which of `pairs` these are.

    `pairs.prediction` is the prior's, with a habit.
    """
    odds = staged(mix(pairs), pairs)
    good = odds > HOPELESS
    alike = None if pairs.similarity is None else pairs.similarity[good]
    kept = replace(pairs, track=pairs.track[good], detection=pairs.detection[good], similarity=alike)
    return _view(kept, odds[good]), good


def staged(odds: Float64, pairs: Pairs) -> Float64:
    """The prior's odds with less for detections of low score: what two stages do, in one."""
    return odds - WEAK_ODDS * (pairs.look.score[pairs.detection] < WEAK)


def _view(pairs: Pairs, odds: Float64) -> PairView:
    p, look, i, j = pairs.prediction, pairs.look, pairs.track, pairs.detection
    habit = p.habit
    assert habit is not None
    assert look.crowding is not None
    here, seen = look.coordinates[j], p.seen[i]
    gap, since = here - p.coordinates[i], here - seen
    height = np.exp(seen[:, 3:])
    z = gap / p.std[i]
    usual = here[:, None] - habit.usual[i]
    ahead, behind = pairs.overlap(MIX_BUFFER), pairs.overlap(MIX_BUFFER, to_xyxy(p.seen))
    alike = np.full(len(i), np.nan) if pairs.similarity is None else pairs.similarity
    known = np.isfinite(alike)
    of_track = np.column_stack([habit.crowding, np.log1p(habit.age) / 3, habit.hidden, habit.near, _wait(p.elapsed)])
    features = np.concatenate(
        [
            _soft(np.concatenate([gap[:, :2], since[:, :2]], axis=1) / height),
            _size(since[:, 2:]),
            np.arcsinh(z),
            np.column_stack(
                [
                    ahead.iou,
                    ahead.buffered,
                    ahead.height,
                    behind.iou,
                    np.log(p.std[i, 0] / height[:, 0]),
                    pairs.score[i],
                    look.score[j],
                    look.crowding[j],
                    np.clip(density(pairs) / 10, -2, 2),
                    np.clip(odds / 10, -2, 2),
                    np.where(known, alike, 0),
                    known,
                ]
            ),
            _soft(usual[:, :, :2].reshape(len(i), USUAL // 2) / height),
            _size(usual[:, :, 2:].reshape(len(i), USUAL // 2)),
            of_track[i],
            np.broadcast_to(_scene(p, habit, look), (len(i), SCENE)),
        ],
        axis=1,
    )
    return PairView(i, j, *(part.astype(np.float32) for part in (features, z, gap[:, :2] / height, odds)))


def _scene(p: Prediction, habit: Habit, look: Look) -> Float64:
    """(SCENE,) of the frame: how old and full it is, how often somebody new comes, how many are lost or unexplained."""
    if not len(p.elapsed):
        return np.zeros(SCENE)
    oldest = habit.age.max()
    here = (p.elapsed < 1.0).sum()
    sure = (look.score >= WEAK).sum()
    return np.array(
        [
            np.log1p(oldest) / 3,
            np.log1p(len(p.elapsed)) / 3,
            (habit.age < oldest - LATE).mean(),
            (p.elapsed > GONE + p.elapsed.min()).mean(),
            np.log((1 + sure) / (1 + here)),
            _wait(p.elapsed.min()),
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
    height = np.exp(p.seen[:, 3:])
    since = look.coordinates - p.seen
    usual = look.coordinates[:, None] - habit.usual
    crowding = look.crowding if look.crowding is not None else np.zeros(len(look.score))
    return np.column_stack(
        [
            np.arcsinh((look.coordinates - p.coordinates) / p.std),
            _soft(since[:, :2] / height),
            _size(since[:, 2:]),
            _soft(usual[:, :, :2].reshape(len(usual), USUAL // 2) / height),
            _size(usual[:, :, 2:].reshape(len(usual), USUAL // 2)),
            _soft(moved / height),
            look.score,
            crowding,
            _wait(p.elapsed),
            share,
            habit.hidden,
            np.log1p(habit.age) / 3,
        ]
    ).astype(np.float32)


def _soft(lengths: Float64) -> Float64:
    """Lengths in heights, large ones by their logarithm."""
    soft: Float64 = np.arcsinh(4 * lengths) / 2
    return soft


def _size(logs: Float64) -> Float64:
    """Differences of log sizes, within reason."""
    size: Float64 = np.clip(2 * logs, -3, 3)
    return size


def _wait(seconds: Float64) -> Float64:
    wait: Float64 = np.log1p(seconds / 0.1) / 2
    return wait
