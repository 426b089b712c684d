"""The liquid cells' equations over NumPy arrays, for heads and pools that run without torch; float32 inside."""

from __future__ import annotations

import numpy as np

from models.runtime.arrays import Float32


def sigmoid(x: Float32) -> Float32:
    """The sigmoid by tanh, which does not overflow."""
    return np.asarray(np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1)), np.float32)


def cfc(branches: Float32, t: Float32) -> Float32:
    """(N, U) new states of CfC neurons (`liquid.cfc.CfC`, default mode).

    Args:
        branches: (N, 4 U) outputs of f, g, a, b, concatenated.
        t: (N, 1) elapsed time in the cell's units.
    """
    n = branches.shape[1] // 4
    both = np.tanh(branches[:, : 2 * n])
    f, g = both[:, :n], both[:, n:]
    new: Float32 = f + sigmoid(branches[:, 2 * n : 3 * n] * t + branches[:, 3 * n :]) * (g - f)
    return new


def leaky_cfc(branches: Float32, h: Float32, t: Float32) -> Float32:
    """(N, U) new states of leaky CfC neurons (`liquid.cfc.CfC`).

    Args:
        branches: (N, 3 U) outputs of f, a, b, concatenated.
        h: (N, U) old states.
        t: (N, 1) elapsed time in the cell's units.
    """
    n = h.shape[1]
    f = np.tanh(branches[:, :n])
    new: Float32 = f + sigmoid(branches[:, n : 2 * n] * t + branches[:, 2 * n :]) * (h - f)
    return new
