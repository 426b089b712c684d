"""Target confidence: the probability that a place is the object, by filter response and template similarity.

The filter tells this object from this background, and responds to anything salient once the object is gone; the
similarity to the first box tells the object from other things. A logistic regression weighs the two. It was fitted to
"IoU with ground truth above 0.3" on 23 sequences thinned to 6 frames a second, none of which the benchmarks report:
boxes of DAVIS's masks, people in real street scenes, and rendered ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tracker.types import Float32

ANSWER, GRID, MEAN, BIAS = 3.3, 3.4, 4.9, -5.5  # log-odds for each unit


class TemplateSimilarity(NamedTuple):
    """Cosines of two descriptions of boxes, -1..1."""

    grid: float  # cell by cell: the same parts in the same places
    mean: float  # of the mean over all cells: the same parts wherever they are


def template_similarity(one: Float32, other: Float32) -> TemplateSimilarity:
    """Of two descriptions, (C, K) each: C channels in K cells of a box."""
    return TemplateSimilarity(_cosine(one, other), _cosine(one.mean(axis=1), other.mean(axis=1)))


def target_confidence(answer: float, similarity: TemplateSimilarity) -> float:
    """The probability that this place is the object."""
    odds = ANSWER * answer + GRID * similarity.grid + MEAN * similarity.mean + BIAS
    return 1 / (1 + math.exp(-odds))


def _cosine(one: Float32, other: Float32) -> float:
    length = math.sqrt(float((one * one).sum() * (other * other).sum()))
    return float((one * other).sum() / max(length, 1e-12))
