"""Open-set identification for `identify`: the probability that a track is each name of a gallery, or none of them.

A name's images show one person, and so do a track's views: the differences between views of one person are learned from
them (`matching.within_metric`). The mean difference between the gallery's camera and the video is subtracted first. A
cosine is compared with those of the same track with other names and of other tracks with the same name, and its weight
grows with the number of differences that the metric has learned from. A conditional logit (McFadden 1974) over all
names and "none" turns these into probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.runtime.maths import unit
from tracker.reid.matching import embed, within_metric
from tracker.types import Float32, Float64

# `liquidtrack fit identify` on the even 37 of 74 people of two cameras; the columns are those of `evidence`.
WEIGHTS = np.array([4.31, -16.20, -5.26, -0.84, 16.28, 0.55, -35.79, -3.87])
MEAN_COSINE, PRIOR_PAIRS = -0.03, 3.0  # prior cosine of two identities, and number of prior pairs
LEVEL = 3.0  # weight of the mean of all against the mean of the gallery's camera or the video, in identities
TAUGHT_BY = 10.0  # differences within identities at which the metric has half of its weight
MAX_METRIC_VIEWS = 1200  # most views that the metric is learned from


def evidence(gallery: Sequence[Float32], tracks: Sequence[Float32]) -> Float64:
    """(T, G, 8) the evidence that each of T tracks is each of G names.

    Args:
        gallery: (n, D) unit embeddings of each name's images, one row at least.
        tracks: (n, D) unit embeddings of each track's views.
    """
    groups = [*gallery, *tracks]
    sizes = [len(group) for group in groups]
    who = np.repeat(np.arange(len(groups)), sizes)
    views = np.concatenate(groups).astype(np.float32)
    known = who < len(gallery)
    base = views.mean(axis=0)
    flat = views.copy()
    for part, count in ((known, len(gallery)), (~known, len(tracks))):
        flat[part] -= count / (count + LEVEL) * (views[part].mean(axis=0) - base)
    flat = unit(flat)
    taught = np.unique(np.linspace(0, len(flat) - 1, min(len(flat), MAX_METRIC_VIEWS)).astype(np.int64))
    metric = within_metric(flat[taught], who[taught])
    rows = np.split(flat, np.cumsum(sizes)[:-1])
    e = np.concatenate([embed(metric, row[None], np.ones((1, len(row)), np.float32)) for row in rows])
    cosine = (e[len(gallery) :] @ e[: len(gallery)].T).astype(np.float64)
    others = (cosine.sum(axis=1, keepdims=True) - cosine + PRIOR_PAIRS * MEAN_COSINE) / (len(gallery) - 1 + PRIOR_PAIRS)
    rivals = (cosine.sum(axis=0, keepdims=True) - cosine + PRIOR_PAIRS * MEAN_COSINE) / (len(tracks) - 1 + PRIOR_PAIRS)
    learnt = len(taught) - len(np.unique(who[taught]))
    trust = learnt / (learnt + TAUGHT_BY)
    columns = np.stack([cosine, others, rivals, np.ones_like(cosine)], axis=2)
    return np.concatenate([columns, trust * columns], axis=2)


def probabilities(evidence: Float64, weights: Float64 = WEIGHTS) -> Float64:
    """(T, G + 1) probability of each name, and in the last column of none of them; the prior of "none" is 0.5.

    Args:
        evidence: (T, G, 8), as `evidence` gives it.
    """
    odds = evidence @ weights - np.log(max(evidence.shape[1], 1))
    odds = np.concatenate([odds, np.zeros((len(odds), 1))], axis=1)
    odds -= odds.max(axis=1, keepdims=True)
    chance = np.exp(odds)
    return np.asarray(chance / chance.sum(axis=1, keepdims=True))


def fit(cases: Sequence[tuple[Float64, int]], steps: int = 60) -> Float64:
    """(8,) weights by Newton's method, from pairs (evidence of one track (G, 8), index of its name; G for none)."""
    width = cases[0][0].shape[1]
    weights = np.zeros(width)
    for _ in range(steps):
        slope, curve = -1e-3 * weights, 1e-3 * np.eye(width)
        for x, right in cases:
            chance = probabilities(x[None], weights)[0, :-1]
            mean = chance @ x
            slope += (x[right] if right < len(x) else 0) - mean
            curve += (x * chance[:, None]).T @ x - np.outer(mean, mean)
        step = np.linalg.solve(curve, slope)
        weights = weights + step * min(1.0, 5 / max(float(np.abs(step).max()), 1e-9))
        if np.abs(step).max() < 1e-6:
            break
    return weights
