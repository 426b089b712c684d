"""Target confidence: the probability that a position is the object, by filter response and template similarity.

The filter separates this object from this background, but responds to any salient region once the object has left; the
similarity to the first box separates the object from other objects. A logistic regression weighs the two. It was fitted
to "IoU with ground truth above 0.3" on 23 sequences subsampled to 6 frames a second, none of which the benchmarks
report: boxes of DAVIS's masks, people in real street scenes, and rendered people.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tracker.types import Float32

ANSWER, GRID, MEAN, BIAS = 3.3, 3.4, 4.9, -5.5  # log-odds for each unit


class TemplateSimilarity(NamedTuple):
    """Cosines of two box descriptors, -1..1."""

    grid: float  # over all cells: the same parts at the same positions
    mean: float  # of the means over all cells: the same parts at any position


def template_similarity(one: Float32, other: Float32) -> TemplateSimilarity:
    """The cosines of two descriptors, (C, K) each: C channels in K cells of a box."""
    return TemplateSimilarity(_cosine(one, other), _cosine(one.mean(axis=1), other.mean(axis=1)))


def target_confidence(answer: float, similarity: TemplateSimilarity) -> float:
    """The probability that this position is the object."""
    odds = ANSWER * answer + GRID * similarity.grid + MEAN * similarity.mean + BIAS
    return 1 / (1 + math.exp(-odds))


def _cosine(one: Float32, other: Float32) -> float:
    length = math.sqrt(float((one * one).sum() * (other * other).sum()))
    return float((one * other).sum() / max(length, 1e-12))
