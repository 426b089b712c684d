"""Whether a tracker knows where it may be wrong: mistakes among its least sure decisions, and calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tools.metrics.classification import Reliability
from tracker.types import Bool, Float32, Float64

FRACTIONS = (0.01, 0.02, 0.05, 0.1)  # of the decisions, least sure first

SUREST = 1e-6  # probability of a mistake below which decisions are not told apart


def shares_of_mistakes(
    sure: Float64 | Float32, wrong: Bool, fractions: Sequence[float] = FRACTIONS, weight: Float64 | None = None
) -> Float64:
    """(F,) share of all mistakes that lie among the least sure `fractions` of the decisions, 0..1.

    Decisions that are equally sure share their mistakes evenly: the expectation over all their orders.

    Args:
        sure: (K,) how sure each decision is; only the order counts.
        wrong: (K,) bool.
        fractions: (F,) of the decisions, 0..1.
        weight: (K,) how often each decision counts; None counts each once.

    Returns:
        nan where there is no mistake.
    """
    weight = np.ones(len(sure)) if weight is None else weight
    order = np.argsort(sure, kind="stable")
    value, weight = np.asarray(sure)[order], weight[order]
    last = np.append(np.diff(value) != 0, True).nonzero()[0] if len(value) else np.zeros(0, np.int64)
    count = np.concatenate([[0.0], np.cumsum(weight)[last]])
    mistakes = np.concatenate([[0.0], np.cumsum(weight * wrong[order])[last]])
    if mistakes[-1] == 0:
        return np.full(len(fractions), np.nan)
    share: Float64 = np.interp(np.asarray(fractions) * count[-1], count, mistakes) / mistakes[-1]
    return share


def equal_mass_reliability(probability: Float64, right: Bool, bins: int) -> Reliability:
    """Reliability in bins of equally many decisions, (K,) each; the bins' counts differ by 1 at most."""
    order = np.argsort(probability, kind="stable")
    edges = np.linspace(0, len(order), bins + 1).round().astype(np.int64)
    count = edges[1:] - edges[:-1]
    at = np.repeat(np.arange(bins), count)
    safe = np.maximum(count, 1)
    return Reliability(
        count,
        np.bincount(at, np.asarray(probability, np.float64)[order], bins) / safe,
        np.bincount(at, right[order].astype(float), bins) / safe,
    )


def reliability_by_doubt(probability: Float64, right: Bool, per_decade: int = 3) -> Reliability:
    """Reliability in bins of equal width in the logarithm of the probability that a decision is wrong.

    Nearly all decisions of a tracker are right; these bins keep one mistake in ten and one in a thousand apart. The
    last bins hold the surest decisions, down to `SUREST`; empty bins are left out.
    """
    doubt = np.maximum(1 - np.asarray(probability, np.float64), SUREST)
    at = np.round(-np.log10(doubt) * per_decade).astype(np.int64)
    count = np.bincount(at)
    full = count > 0
    return Reliability(
        count[full],
        np.bincount(at, probability)[full] / count[full],
        np.bincount(at, right.astype(float))[full] / count[full],
    )
