"""Paired differences of two methods, with bootstrap intervals over sequences.

The sequence is the unit of resampling, since its frames and objects depend on each other. Every resample draws as many
sequences as there are, with replacement, the same for A and B, and combines them as TrackEval does (Efron and
Tibshirani, 1993, chapter 13: percentile intervals).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.errors import DataError
from tools.metrics.mot_tables import MotEvaluation
from tracker.types import Float64

METRICS = ("hota", "deta", "assa", "idf1", "mota", "idsw")
SAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A minus B, in the unit of the metric.

    Attributes:
        value: on all sequences.
        low: 2.5th percentile of the resamples.
        high: 97.5th percentile.
        better: share of resamples in which A is above B, 0..1.
        sequences: number of sequences to draw from.
    """

    value: float
    low: float
    high: float
    better: float
    sequences: int

    def __str__(self) -> str:
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}] over {self.sequences} sequences"


def draws(sequences: int, samples: int = SAMPLES, seed: int = 0) -> Float64:
    """(samples, sequences) how often each resample draws each sequence; every row sums to `sequences`."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(sequences, np.full(sequences, 1 / sequences), size=samples).astype(np.float64)


def combined(evaluation: MotEvaluation, metric: str, weights: Float64) -> Float64:
    """The metric of each resample: (samples, S) draws of the S sequences, in their order -> (samples,)."""
    results = list(evaluation.counts.values())

    def total(family: str, name: str) -> Float64:
        values: Float64 = weights @ np.array([r[family][name] for r in results], float)
        return values

    if metric in ("hota", "deta", "assa"):
        tp = total("HOTA", "HOTA_TP")
        deta = tp / np.maximum(1, tp + total("HOTA", "HOTA_FN") + total("HOTA", "HOTA_FP"))
        matched = np.array([r["HOTA"]["AssA"] * r["HOTA"]["HOTA_TP"] for r in results])
        assa = weights @ matched / np.maximum(1, tp)
        chosen = {"hota": np.sqrt(deta * assa), "deta": deta, "assa": assa}[metric]
        return np.asarray(100 * chosen.mean(axis=1), np.float64)
    if metric == "idf1":
        idtp = total("Identity", "IDTP")
        mistakes = total("Identity", "IDFP") + total("Identity", "IDFN")
        return np.asarray(100 * idtp / np.maximum(1, idtp + 0.5 * mistakes), np.float64)
    if metric == "idsw":
        return total("CLEAR", "IDSW")
    if metric == "mota":
        right, wrong = total("CLEAR", "CLR_TP"), total("CLEAR", "CLR_FP") + total("CLEAR", "IDSW")
        return np.asarray(100 * (right - wrong) / np.maximum(1, right + total("CLEAR", "CLR_FN")), np.float64)
    raise DataError(f"there is no metric {metric!r}; the metrics are {', '.join(METRICS)}.")


def compare(
    a: Sequence[MotEvaluation],
    b: Sequence[MotEvaluation],
    metric: str = "hota",
    samples: int = SAMPLES,
    seed: int = 0,
) -> Difference:
    """A minus B in `metric`, averaged over pairs of evaluations (for instance, one pair per time profile).

    All evaluations must cover the same sequences: a resample draws the same sequences in each.

    Raises:
        DataError: the sequences differ, or there are no pairs.
    """
    if not a or len(a) != len(b):
        raise DataError(f"{len(a)} evaluations against {len(b)}; compare them in pairs.")
    names = list(a[0].counts)
    for evaluation in (*a, *b):
        if list(evaluation.counts) != names:
            raise DataError(f"{evaluation.name} has other sequences than {a[0].name}; compare like with like.")
    weights = np.vstack([np.ones((1, len(names))), draws(len(names), samples, seed)])
    gaps = [combined(x, metric, weights) - combined(y, metric, weights) for x, y in zip(a, b, strict=True)]
    return _difference(np.mean(gaps, axis=0), len(names))


def compare_values(a: ArrayLike, b: ArrayLike, samples: int = SAMPLES, seed: int = 0) -> Difference:
    """Mean of A minus B for one value per sequence (or image, or clip), in the same order: (S,) each."""
    gap = np.asarray(a, float) - np.asarray(b, float)
    if gap.ndim != 1 or not len(gap) or np.shape(a) != np.shape(b):
        raise DataError(f"values of shapes {np.shape(a)} and {np.shape(b)}; give one number a sequence, in pairs.")
    weights = np.vstack([np.ones((1, len(gap))), draws(len(gap), samples, seed)])
    return _difference(weights @ gap / len(gap), len(gap))


def compare_shares(a: Float64, b: Float64, samples: int = SAMPLES, seed: int = 0) -> Difference:
    """A minus B of shares in percent, from (S, 2) counts of each sequence: those that count, and all."""
    if a.shape != b.shape or a.ndim != 2 or not len(a):
        raise DataError(f"counts of shapes {a.shape} and {b.shape}; give two numbers a sequence, in pairs.")
    weights = np.vstack([np.ones((1, len(a))), draws(len(a), samples, seed)])
    one, other = (100 * (weights @ x[:, 0]) / np.maximum(weights @ x[:, 1], 1) for x in (a, b))
    return _difference(one - other, len(a))


def _difference(gaps: Float64, sequences: int) -> Difference:
    """The difference on all sequences, and its interval from the resamples."""
    low, high = np.percentile(gaps[1:], [2.5, 97.5])
    return Difference(float(gaps[0]), float(low), float(high), float((gaps[1:] > 0).mean()), sequences)
