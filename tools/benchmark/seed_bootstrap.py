"""Differences between two trainings with intervals over test items and seeds.

A resample draws items (the same for both) and, for each of the two, seeds: a new test set and new trainings
(Bouthillier et al., "Accounting for variance in machine learning benchmarks", MLSys 2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from models.errors import DataError
from tools.benchmark.paired_bootstrap import Difference, draws
from tracker.types import Float64

SAMPLES = 4_000


def compare_seeds(a: ArrayLike, b: ArrayLike, samples: int = SAMPLES, seed: int = 0) -> Difference:
    """Mean of A minus mean of B, for one value per seed and item.

    Args:
        a: (S, N) values of A's S seeds.
        b: (R, N) values of B's R seeds, of the same items in the same order. A method without seeds has R = 1.
        samples: number of resamples.
        seed: of the resamples.

    Raises:
        DataError: the numbers of items differ, or there are none.
    """
    left, right = np.asarray(a, float), np.asarray(b, float)
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1] or not left.size or not right.size:
        raise DataError(f"values of shapes {left.shape} and {right.shape}; give (seeds, items) with the same items.")
    items = draws(left.shape[1], samples, seed) / left.shape[1]

    def means(values: Float64, offset: int) -> Float64:
        seeds = draws(len(values), samples, seed + offset) / len(values)
        return np.asarray(np.einsum("ks,ks->k", items @ values.T, seeds), np.float64)

    gaps = means(left, 1) - means(right, 2)
    low, high = np.percentile(gaps, [2.5, 97.5])
    value = float(left.mean() - right.mean())
    return Difference(value, float(low), float(high), float((gaps > 0).mean()), left.shape[1])
