"""Metrics of re-identification: mean average precision and cumulative matching of ranked galleries.

Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, section 5: every query of one camera against
all images of the other cameras.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.types import Bool, Float32, Float64, Int64

RANKS = (1, 5, 10)


@dataclass(frozen=True, eq=False, slots=True)
class Ranking:
    """Retrieval scores of queries.

    Attributes:
        queries: number of queries with their identity in the gallery.
        mean_ap: mean average precision.
        cmc: (R,) share of queries with their identity among the first 1, 2, ... images of the gallery.
    """

    queries: int
    mean_ap: float
    cmc: Float64

    def rank(self, k: int) -> float:
        """Share of queries with their identity among the first `k`."""
        return float(self.cmc[min(k, len(self.cmc)) - 1])


def average_precision(hits: Bool) -> float:
    """(G,) which ranks of a gallery are correct, at least one -> mean precision at these ranks."""
    places = np.flatnonzero(hits)
    return float((np.arange(1, len(places) + 1) / (places + 1)).mean())


def rank_gallery(embeddings: Float32, identity: Int64, camera: Int64) -> Ranking:
    """Rank all images of other cameras for every image, by cosine similarity of (N, D) unit embeddings."""
    precision, first = [], []
    likeness = embeddings @ embeddings.T
    for k in range(len(identity)):
        gallery = np.flatnonzero(camera != camera[k])
        order = gallery[np.argsort(-likeness[k, gallery], kind="stable")]
        hits = identity[order] == identity[k]
        if hits.any():
            precision.append(average_precision(hits))
            first.append(int(np.argmax(hits)))
    length = max(int((camera != c).sum()) for c in np.unique(camera))
    cmc = np.cumsum(np.bincount(first, minlength=max(length, 1))) / max(len(first), 1)
    return Ranking(len(precision), float(np.mean(precision)) if precision else 0.0, cmc)
