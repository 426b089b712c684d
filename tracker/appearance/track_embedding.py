"""How a track looks: a unit embedding that follows its matches, and its likeness to new ones."""

from __future__ import annotations

import numpy as np

from tracker.types import Bool, Float32, Float64, Int64

MEMORY = 1.0  # seconds in which a look is taken over, at full score
FEW = 4  # embeddings from which their mean says something


def similarity(likeness: Float32, embedding: Float32, track: Int64, detection: Int64) -> Float64:
    """Cosine of tracks and detections after their common mean is taken out, -1..1; nan where a track has no look yet.

    Embeddings of a frozen classifier share most of their length: the scene's mean holds what is common to all and says
    nothing about who is who. Where there are too few to know a mean, all are nan.

    Args:
        likeness: (N, D) unit, 0 where none is known.
        embedding: (M, D) unit.
        track, detection: (K,) the pairs asked for.
    """
    known: Bool = np.asarray(likeness.any(axis=1), bool)
    everyone = np.concatenate([likeness[known], embedding])
    if len(everyone) < FEW:
        return np.full(len(track), np.nan)
    mean = everyone.mean(axis=0)
    a, b = _unit(likeness - mean), _unit(embedding - mean)
    cosine = (a @ b.T)[track, detection].astype(np.float64)
    return np.where(known[track], cosine, np.nan)


def remember(likeness: Float32, embedding: Float32, elapsed: Float64, score: Float64) -> Float32:
    """(N, D) likeness after a look `elapsed` seconds after the one before: unsure detections say less."""
    share = np.where(likeness.any(axis=1), -np.expm1(-elapsed / MEMORY) * score, 1.0)[:, None]
    return _unit(likeness + share.astype(np.float32) * (embedding - likeness))


def _unit(rows: Float32) -> Float32:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Float32 = rows / np.maximum(length, 1e-12)
    return unit
