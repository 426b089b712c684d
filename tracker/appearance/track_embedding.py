"""A track's embedding: the exponential average of the unit embeddings of its matches, over true seconds.

Cosines are computed after the common mean of all embeddings is subtracted (Mu & Viswanath, "All-but-the-Top", ICLR
2018, its first step): embeddings of a frozen classifier share most of their length.
"""

from __future__ import annotations

import numpy as np

from models.runtime.maths import unit
from tracker.types import Bool, Float32, Float64, Int64

MEMORY_S = 1.0  # seconds, time constant of the average at full score
MIN_EMBEDDINGS = 4  # fewest embeddings that give a reliable mean


def similarity(track_embedding: Float32, embedding: Float32, track: Int64, detection: Int64) -> Float64:
    """(K,) cosine of tracks and detections after their common mean is subtracted, -1..1; nan without an embedding.

    Embeddings of a frozen classifier share most of their length: the scene's mean is common to all identities and does
    not separate them. With fewer than `MIN_EMBEDDINGS` embeddings there is no mean, and all are nan.

    Args:
        track_embedding: (N, D) unit, 0 where none is known.
        embedding: (M, D) unit.
        track, detection: (K,) the pairs.
    """
    known: Bool = np.asarray(track_embedding.any(axis=1), bool)
    everyone = np.concatenate([track_embedding[known], embedding])
    if len(everyone) < MIN_EMBEDDINGS:
        return np.full(len(track), np.nan)
    mean = everyone.mean(axis=0)
    a, b = unit(track_embedding - mean, flat=False), unit(embedding - mean, flat=False)
    cosine = (a @ b.T)[track, detection].astype(np.float64)
    return np.where(known[track], cosine, np.nan)


def update_embedding(track_embedding: Float32, embedding: Float32, elapsed: Float64, score: Float64) -> Float32:
    """(N, D) unit track embeddings after a match `elapsed` (N,) seconds after the last one; low scores weigh less."""
    share = np.where(track_embedding.any(axis=1), -np.expm1(-elapsed / MEMORY_S) * score, 1.0)[:, None]
    return unit(track_embedding + share.astype(np.float32) * (embedding - track_embedding), flat=False)
