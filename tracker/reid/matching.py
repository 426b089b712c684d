"""The probability that a new track is an earlier identity: a metric learned online, log-odds, and one-to-one marginals.

**Metric.** Views of one track show one identity, so the differences between views of one identity are learned from the
video itself. They are whitened (KISSME's first half, Koestinger et al., CVPR 2012, as `tracker.reid.descriptor` learns
it from labelled images), and the metric is shrunk towards the bare features while there are few. **Log-odds.** The
cosine of two identities' mean views in that metric, normalised by the cosines of tracks that were visible at the same
time and therefore differ. **Marginals.** A new track is at most one identity, and an identity at most one new track:
marginals over all matchings by belief propagation (Williams and Lau, "Approximate evaluation of marginal association
probabilities with belief propagation", IEEE Transactions on Aerospace and Electronic Systems 50(4), 2014, equations 28
to 31).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.runtime.maths import unit
from tracker.types import Bool, Float32, Float64, Int64

COMPONENTS = 64  # principal components of the metric
BARE = 10.0  # weight of the bare features, in learned differences
BEYOND = 0.3  # factor of lengths outside the subspace, which are larger for unknown identities than for known ones
IMAGINED, USUAL = 4.0, 0.12  # prior pairs of two identities: number, standard deviation of their cosines
SLOPE, OFFSET = 2.19, -4.02  # `liquidtrack fit reid` on the even 37 of 74 identities of two cameras
BELIEF_PROPAGATION_ROUNDS = 30  # rounds of belief propagation; on random cases it converges to 1e-6 in far fewer


@dataclass(frozen=True, eq=False, slots=True)
class WithinMetric:
    """A metric in which views of one identity are near each other.

    Attributes:
        mean: (D,) mean of the views that it was learned from.
        components: (D, E) orthonormal basis of the subspace that these views span.
        white: (E, E) whitening matrix of the coordinates in this basis.
        beyond: factor of lengths outside the subspace, whose spread within a track is unknown.
    """

    mean: Float32
    components: Float32
    white: Float32
    beyond: float


def within_metric(views: Float32, who: Int64, bare: float = BARE) -> WithinMetric:
    """The metric learned from these tracks.

    Args:
        views: (N, D) features.
        who: (N,) the identity of each view.
        bare: weight of the bare features, in learned differences; with infinity nothing is learned.
    """
    mean = views.mean(axis=0)
    centred = (views - mean).astype(np.float64)
    values, vectors = np.linalg.eigh(centred @ centred.T)  # fewer views than dimensions: by their Gram matrix
    order = np.argsort(-values)[:COMPONENTS]
    order = order[values[order] > max(1e-6 * values.max(), 1e-12)]
    if not len(order):
        nothing = np.zeros((views.shape[1], 1), np.float32)
        return WithinMetric(mean, nothing, np.eye(1, dtype=np.float32), 1.0)
    components = centred.T @ vectors[:, order] / np.sqrt(values[order])
    z = centred @ components
    number, whose = np.unique(who, return_inverse=True)
    counts = np.bincount(whose)
    means = np.zeros((len(number), len(order)))
    np.add.at(means, whose, z)
    apart = z - (means / counts[:, None])[whose]
    freedom = len(z) - len(number)
    trust = 1 / (freedom + bare)
    prior = (1 - freedom * trust) * (z**2).mean()
    spread, turn = np.linalg.eigh(trust * apart.T @ apart + prior * np.eye(len(order)))
    white = (turn / np.sqrt(spread)).astype(np.float32)
    return WithinMetric(mean, components.astype(np.float32), white, BEYOND / float(np.sqrt(prior)))


def embed(metric: WithinMetric, views: Float32, quality: Float32) -> Float32:
    """(N, E) of length 1 at most: means of views (N, V, D), weighted by quality (N, V), one above 0 in each row.

    The part of a view outside the metric's subspace shortens the rest, so that an unknown person is dissimilar to every
    gallery entry instead of closest to the nearest one.
    """
    n, v, d = views.shape
    x = views.reshape(-1, d) - metric.mean
    inside = x @ metric.components
    rest = np.sqrt(np.maximum((x**2).sum(axis=1) - (inside**2).sum(axis=1), 0))
    each = unit(np.column_stack([inside @ metric.white, metric.beyond * rest]).astype(np.float32))
    whole = unit(np.einsum("nv,nve->ne", quality, each.reshape(n, v, -1)))
    return whole[:, :-1]


def normalised_similarity(cosine: Float64, first: Float64, last: Float64, taught: Bool) -> Float64:
    """(N, N) z-scores of cosines: in standard deviations of pairs that are certainly different in this video.

    Tracks that were visible at the same time are different objects. The mean and spread of their cosines differ between
    videos (for example where all people wear suits), so a cosine alone is not comparable. A few prior pairs are used
    while there are none. Of n unrelated identities whose own mean is subtracted, two have a cosine of -1 / (n - 1), two
    others have 1 / (n + 1), and one of each have 0. The first two are shifted to 0, the value for a new track and a
    different identity.

    Args:
        cosine: (N, N) cosines of all pairs.
        first, last: (N,) seconds, when each was first and last matched.
        taught: (N,) which identities' views the metric's mean was computed from.
    """
    together = np.triu((first[:, None] <= last) & (first <= last[:, None]), 1)
    n = max(int(taught.sum()), 2)
    own = taught[:, None].astype(np.int64) + taught
    known = (cosine + np.array([-1 / (n + 1), 0.0, 1 / (n - 1)])[own])[together]
    mean = known.sum() / (len(known) + IMAGINED)
    variance = (((known - mean) ** 2).sum() + IMAGINED * USUAL**2) / (len(known) + IMAGINED)
    return np.asarray((cosine - mean) / np.sqrt(variance))


def log_odds(z_score: Float64) -> Float64:
    """Log-likelihood ratio of a `normalised_similarity`: views of one identity against views of two identities."""
    return SLOPE * z_score + OFFSET


def marginals(weights: Float64) -> Float64:
    """(M, G + 1) probability that new track m is identity g, and in the last column that it is none of them.

    Args:
        weights: (M, G) odds of each pair against "none", without the other pairs; 0 where it is impossible.
    """
    m, g = weights.shape
    back = np.ones((m, g))
    for _ in range(BELIEF_PROPAGATION_ROUNDS):
        weighed = weights * back
        there = weights / (1 + weighed.sum(axis=1, keepdims=True) - weighed)
        back = 1 / (1 + there.sum(axis=0, keepdims=True) - there)
    weighed = np.concatenate([weights * back, np.ones((m, 1))], axis=1)
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True))


def reachable(here: Float64, there: Float64, elapsed: Float64, speed: float, slack: float) -> Bool:
    """(M, G) whether boxes `here` (M, 4) can be reached from boxes `there` (G, 4) in `elapsed` (M, G) seconds.

    `speed` is in box heights a second, `slack` in box heights.
    """
    centre = [(boxes[:, None, :2] + boxes[:, None, 2:]) / 2 for boxes in (here, there)]
    height = [boxes[:, 3] - boxes[:, 1] for boxes in (here, there)]
    way = np.linalg.norm(centre[0] - centre[1].transpose(1, 0, 2), axis=2)
    scale = np.maximum(height[0][:, None], height[1][None])
    return np.asarray((elapsed > 0) & (way <= (slack + speed * elapsed) * scale))
