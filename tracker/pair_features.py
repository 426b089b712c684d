"""What the learned association sees of a pair and what the liquid state sees of a match.

All is relative to the object's own box height or to the prediction's spread: image scale and position do not matter.
"""

from __future__ import annotations

import numpy as np

from tracker.boxes import to_xyxy
from tracker.costs import MIX_BUFFER, Pairs, density, mix
from tracker.motion import Look, Prediction
from tracker.types import Float32, Float64

FEATURES = 23  # numbers a pair
INPUTS = 14  # numbers a match


def pair_features(pairs: Pairs) -> tuple[Float32, Float32, Float32, Float32]:
    """(K, FEATURES) of each pair; (K, 4) its gap in standard deviations, (K, 2) in heights; (K,) odds of the mix."""
    p, look, i, j = pairs.prediction, pairs.look, pairs.track, pairs.detection
    gap = look.coordinates[j] - p.coordinates[i]
    since = look.coordinates[j] - p.seen[i]
    height = np.exp(p.seen[i, 3:])
    z = gap / p.std[i]
    ahead, behind = pairs.overlap(MIX_BUFFER), pairs.overlap(MIX_BUFFER, to_xyxy(p.seen))
    crowding = look.crowding[j] if look.crowding is not None else np.zeros(len(j))
    alike = np.full(len(i), np.nan) if pairs.similarity is None else pairs.similarity
    odds = mix(pairs)
    features = np.column_stack(
        [
            _soft(gap[:, :2] / height),
            _soft(since[:, :2] / height),
            np.clip(2 * since[:, 2:], -3, 3),
            np.arcsinh(z),
            ahead.iou,
            ahead.buffered,
            ahead.height,
            behind.iou,
            np.log(p.std[i, 0] / height[:, 0]),
            _wait(p.elapsed)[i],
            pairs.score[i],
            look.score[j],
            crowding,
            np.clip(density(pairs) / 10, -2, 2),
            np.clip(odds / 10, -2, 2),
            np.nan_to_num(alike),
            np.isfinite(alike),
        ]
    )
    return (
        features.astype(np.float32),
        z.astype(np.float32),
        (gap[:, :2] / height).astype(np.float32),
        odds.astype(np.float32),
    )


def match_inputs(prediction: Prediction, look: Look, moved: Float64, share: Float64) -> Float32:
    """(N, INPUTS) of the tracks and the detections that matched them, row by row.

    Args:
        moved: (N, 2) pixels by which the camera has moved the track since its last match.
        share: (N,) how far the track is taken for a walker.
    """
    p = prediction
    height = np.exp(p.seen[:, 3:])
    since = look.coordinates - p.seen
    crowding = look.crowding if look.crowding is not None else np.zeros(len(look.score))
    return np.column_stack(
        [
            np.arcsinh((look.coordinates - p.coordinates) / p.std),
            _soft(since[:, :2] / height),
            np.clip(2 * since[:, 2:], -3, 3),
            _soft(moved / height),
            look.score,
            crowding,
            _wait(p.elapsed),
            share,
        ]
    ).astype(np.float32)


def _soft(lengths: Float64) -> Float64:
    """Lengths in heights, large ones by their logarithm."""
    soft: Float64 = np.arcsinh(4 * lengths) / 2
    return soft


def _wait(seconds: Float64) -> Float64:
    wait: Float64 = np.log1p(seconds / 0.1) / 2
    return wait
