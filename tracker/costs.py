"""How likely a track and a detection are the same object: the `COSTS` plug-ins.

Every entry gives log-odds for pairs, so that they mix by addition, a threshold is a probability, and a learned scorer
can take their place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tracker.config import TrackerConfig
from tracker.motion import Look, Prediction
from tracker.types import Float64, Int64


@dataclass(frozen=True, slots=True)
class Pairs:
    """K pairs of a track and a detection, and what there is to compare them by."""

    track: Int64
    detection: Int64
    prediction: Prediction
    look: Look
    similarity: Float64 | None
    score: Float64  # (N,) of the tracks
    age: Float64  # (N,) seconds from their first to their latest look


Cost = Callable[[Pairs], Float64]


def student(pairs: Pairs, tail: float) -> Float64:
    """(K,) log density of the detection under the track's prediction, heavy-tailed, sizes in box heights."""
    p = pairs.prediction
    gap = (pairs.look.coordinates[pairs.detection] - p.coordinates[pairs.track]) / p.std[pairs.track]
    d2 = (gap * gap).sum(axis=1)
    volume = np.log(p.std).sum(axis=1) - 2 * p.seen[:, 3]
    density: Float64 = -0.5 * (tail + 4) * np.log1p(d2 / tail) - volume[pairs.track]
    return density


def mahalanobis(config: TrackerConfig) -> Cost:
    return lambda pairs: student(pairs, config.tail) - config.clutter


COSTS: dict[str, Callable[[TrackerConfig], Cost]] = {"mahalanobis": mahalanobis}
