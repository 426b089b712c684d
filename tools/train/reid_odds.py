"""`liquidtrack fit reid`: fit log-odds of appearance similarity, from identities that leave one camera and return in
another.

Scenes of a few identities are sampled. Most identities leave, with their images of one camera as crops, and return with
one to all of their images of another camera. The others are new. General differences between cameras are removed, as
`--reid` works within one camera.
A logistic regression on the even identities gives the log-odds; the odd identities evaluate them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.ground_truth.reid import Identities, read_identities
from models.errors import DataError
from models.runtime.compute import Compute
from models.runtime.maths import unit
from tools.evaluate.reid import embed_identities
from tools.train.config.reid_odds import FitReturnsConfig
from tracker.reid.descriptor import IdentityFeatures, load_metric, plain
from tracker.reid.matching import embed, normalised_similarity, within_metric
from tracker.types import Bool, Float32, Float64, Int64

MIN_IDENTITIES, MAX_IDENTITIES = 4, 14  # identities of a scene
NEWCOMER_SHARE = 0.3  # share of new identities
NEWTON_STEPS = 50  # steps of Newton's method


@dataclass(frozen=True, eq=False, slots=True)
class LabelledPairs:
    """Pairs of an arriving and a departed identity.

    Attributes:
        standing: (K,) similarity from `tracker.reid.matching.normalised_similarity`.
        same: (K,) whether both are the same identity.
    """

    standing: Float64
    same: Bool


def fit_returns(config: FitReturnsConfig) -> None:
    """Fit, print the constants, and evaluate them on the odd identities.

    Raises:
        ConfigError: there is no such folder, or no image in it.
        DataError: there are too few identities of two cameras.
        WeightsError: the network or the metric is not available.
    """
    data = read_identities(config.folder)
    network = IdentityFeatures(Compute.shared(threads=config.threads).threads)
    features = embed_identities(data, np.ones(len(data.identity), bool), network, config.quiet)
    views = (load_metric(config.metric, network.dim) if config.metric is not None else plain)(features)
    taught, others = (draw(data, views, half, config.scenes, config.seed) for half in (0, 1))
    slope, offset = regress(taught)
    print(f"slope {slope:.2f}, offset {offset:.2f}, from {taught.same.sum()} of {len(taught.same)} pairs")
    for name, pairs in (("even", taught), ("odd", others)):
        chance = 1 / (1 + np.exp(-(slope * pairs.standing + offset)))
        weight = np.where(pairs.same, 0.5 / pairs.same.sum(), 0.5 / (~pairs.same).sum())
        loss = -(weight * np.log(np.clip(np.where(pairs.same, chance, 1 - chance), 1e-9, 1))).sum()
        sure = chance >= 0.8
        right = (weight * pairs.same)[sure].sum() / max(weight[sure].sum(), 1e-9)
        print(
            f"{name}: log loss {loss:.3f} (no knowledge: .693); of pairs from .8 on {right:.3f} are one, "
            f"{(sure & pairs.same).sum() / pairs.same.sum():.3f} of those that are one lie there"
        )


def draw(data: Identities, views: Float32, half: int, scenes: int, seed: int) -> LabelledPairs:
    """Sample scenes of every second identity from number `half` on; `views` (N, D) are embeddings of the images.

    Raises:
        DataError: fewer than `MIN_IDENTITIES` of them were seen by two cameras.
    """
    rng = np.random.default_rng([seed, half])
    level = np.stack([views[data.camera == c].mean(axis=0) for c in range(len(data.cameras))])
    flat = unit(views - level[data.camera])
    seen = [(k, np.unique(data.camera[data.identity == k])) for k in np.unique(data.identity).tolist() if k % 2 == half]
    both = [(k, cameras) for k, cameras in seen if len(cameras) > 1]
    if len(both) < MIN_IDENTITIES:
        raise DataError(f"{len(both)} identities of one half were seen by two cameras; give {MIN_IDENTITIES} or more.")
    found: list[tuple[Float64, Bool]] = []
    for _ in range(scenes):
        size = int(rng.integers(MIN_IDENTITIES, min(MAX_IDENTITIES, len(both)) + 1))
        groups: list[Int64] = []
        for n in rng.choice(len(both), size, replace=False).tolist():
            k, cameras = both[n]
            first, second = rng.permutation(cameras)[:2].tolist()
            of = [np.flatnonzero((data.identity == k) & (data.camera == c)) for c in (first, second)]
            groups += [of[0], rng.permutation(of[1])[: int(rng.integers(1, len(of[1]) + 1))]]
        found.append(_compare(flat, groups[::2], groups[1::2], max(2, round((1 - NEWCOMER_SHARE) * size))))
    return LabelledPairs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _compare(flat: Float32, left: list[Int64], back: list[Int64], there: int) -> tuple[Float64, Bool]:
    """(standing, whether the same) of all pairs of `back` and `left`; the first `there` are the same people."""
    left = left[:there]
    metric = within_metric(flat[np.concatenate(left)], np.repeat(np.arange(there), [len(g) for g in left]))
    e = np.concatenate([embed(metric, flat[g][None], np.ones((1, len(g)), np.float32)) for g in (*left, *back)])
    later = np.arange(len(e)) >= there
    time: Float64 = np.asarray(later, np.float64)  # all leave at the same time, and arrive at the same time
    z = normalised_similarity((e @ e.T).astype(np.float64), time, time, ~later)
    return z[there:, :there].ravel(), np.eye(len(back), there, dtype=bool).ravel()


def regress(pairs: LabelledPairs) -> tuple[float, float]:
    """Slope and offset of the log-odds by logistic regression; same and different pairs have equal total weight."""
    x = np.column_stack([pairs.standing, np.ones(len(pairs.same))])
    weight = np.where(pairs.same, 0.5 / pairs.same.sum(), 0.5 / (~pairs.same).sum())
    w = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-(x @ w)))
        curve = (x * (weight * p * (1 - p))[:, None]).T @ x + 1e-9 * np.eye(2)
        w = w + np.linalg.solve(curve, x.T @ (weight * (pairs.same - p)))
    return float(w[0]), float(w[1])
