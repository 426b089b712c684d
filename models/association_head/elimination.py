"""Which neurons of a layer can be left out, and how those that stay are read in their place.

Optimal Brain Surgeon (Hassibi & Stork, NIPS 1993) over whole neurons: with C the covariance of the states and w_j the
weights that read neuron j, what is read changes by |w_j|^2 / (C^-1)_jj if j is left out and the weights of the others
are fitted anew by least squares. 1 / (C^-1)_jj is the variance of j that the others do not predict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from models.runtime.arrays import Array, Float64, Int64

Criterion = Literal["residual", "spread", "random"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
RIDGE = 1e-4  # share of the mean variance that is added to each one, so that neurons that never move do no harm


@dataclass(frozen=True, eq=False, slots=True)
class Elimination:
    """What remains of N neurons.

    Attributes:
        kept: (K,) neurons that stay, increasing.
        readout: (R, N) weights that read them, 0 for the others.
        shift: (R,) what is added to the biases of the readout.
    """

    kept: Int64
    readout: Float64
    shift: Float64


def eliminate(
    states: Array,
    readout: Array,
    least: Int64,
    groups: Int64 | None = None,
    criterion: Criterion = "residual",
    seed: int = 0,
    weight: Float64 | None = None,
) -> Elimination:
    """Leave out one neuron after the other, each time the one with the least effect on what is read.

    Args:
        states: (S, N) states of the neurons, as recorded.
        readout: (R, N) weights that read them.
        least: (G,) neurons that stay in each group.
        groups: (N,) group of each neuron; None: all are in one.
        criterion: residual is the effect above; spread takes the variance of j itself instead; random takes any.
        seed: of the random choice.
        weight: (N,) sum of squares of further weights that read each neuron and are not fitted anew; None: 0.
    """
    n = readout.shape[1]
    groups = np.zeros(n, np.int64) if groups is None else groups
    other = np.zeros(n) if weight is None else weight
    mean, covariance = _moments(states)
    inverse = np.linalg.inv(covariance)
    w = np.asarray(readout, np.float64).copy()
    left = np.bincount(groups, minlength=len(least))
    chance = np.random.default_rng(seed).permutation(n)
    here = np.ones(n, bool)
    while (left > least).any():
        variance = covariance.diagonal() if criterion == "spread" else 1 / np.where(here, inverse.diagonal(), 1)
        effect = chance if criterion == "random" else ((w * w).sum(0) + other) * variance
        j = int(np.argmin(np.where(here & (left > least)[groups], effect, np.inf)))
        w -= np.outer(w[:, j], inverse[j] / inverse[j, j])
        inverse -= np.outer(inverse[:, j], inverse[j] / inverse[j, j])
        w[:, j], inverse[j], inverse[:, j], here[j] = 0, 0, 0, False
        left[groups[j]] -= 1
    return Elimination(here.nonzero()[0], w, (readout - w) @ mean)


def _moments(states: Array) -> tuple[Float64, Float64]:
    """(N,) means and (N, N) covariance with a ridge."""
    states = np.asarray(states, np.float64)
    mean = states.mean(axis=0)
    off = states - mean
    covariance = off.T @ off / max(len(states), 1)
    covariance[np.diag_indices_from(covariance)] += RIDGE * covariance.diagonal().mean() + 1e-12
    return mean, covariance
