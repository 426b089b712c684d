"""Small functions of arrays that several packages use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.runtime.arrays import Float32, Float64, Int64

MIN_PROBABILITY = 1e-6  # least distance of a probability from 0 and 1


def logit(score: NDArray[np.floating]) -> Float64:
    """Log-odds of scores, clipped away from 0 and 1."""
    p = np.clip(np.asarray(score, np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(np.log(p / (1 - p)))


def expit(odds: Float64) -> Float64:
    """Scores of log-odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -60, 60))))


def unit(vectors: Float32, axis: int = 1, least: float = 1e-12, flat: bool = True) -> Float32:
    """Vectors of length 1.

    Args:
        vectors: of any shape.
        axis: along which the components of one vector lie.
        least: divisor of shorter vectors.
        flat: a vector of zeros becomes a constant vector; otherwise it is unchanged.
    """
    length = np.linalg.norm(vectors, axis=axis, keepdims=True)
    made: Float32 = np.asarray(vectors / np.maximum(length, least), np.float32)
    if not flat:
        return made
    constant = np.float32(1 / np.sqrt(max(vectors.shape[axis], 1)))
    return np.where(length > least, made, constant).astype(np.float32)


def ranges(begin: Int64, length: Int64) -> Int64:
    """begin[0] .. begin[0] + length[0] - 1, begin[1] .. begin[1] + length[1] - 1, .., one after the other."""
    ends = np.cumsum(length)
    flat: Int64 = np.arange(length.sum()) + np.repeat(begin - (ends - length), length)
    return flat
