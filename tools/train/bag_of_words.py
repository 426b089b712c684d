"""Logistic regression on which words and pairs of words a text has: what a classifier reaches without their order.

Wang & Manning, "Baselines and bigrams", ACL 2012.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import expit

from datasets.ground_truth.rated_texts import MIN_COUNT, RatedTexts, tokens

PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)  # of the squared weights, chosen on the validation set
MAX_ITERATIONS = 100


@dataclass(frozen=True, eq=False, slots=True)
class BagOfWords:
    """The trained regression.

    Attributes:
        right: (N,) bool, which texts of the test set have the right answer.
        accuracy: of the validation set, %.
        penalty: the chosen one.
        parameters: number of weights.
    """

    right: NDArray[np.bool_]
    accuracy: float
    penalty: float
    parameters: int


def fit_bag_of_words(sets: dict[str, RatedTexts]) -> BagOfWords:
    """Train with every penalty, and keep the one that is best on the validation set."""
    counts = Counter(feature for text in sets["train"].texts for feature in _features(text))
    columns = {feature: k for k, feature in enumerate(sorted(f for f, n in counts.items() if n >= MIN_COUNT))}
    x = {name: _matrix(texts.texts, columns) for name, texts in sets.items()}
    best: tuple[float, float, NDArray[np.float64]] | None = None
    for penalty in PENALTIES:
        weights = _fitted(x["train"], sets["train"].labels, penalty)
        accuracy = 100 * float(np.mean(_answers(x["valid"], weights) == sets["valid"].labels))
        if best is None or accuracy > best[0]:
            best = accuracy, penalty, weights
    assert best is not None
    right = _answers(x["test"], best[2]) == sets["test"].labels
    return BagOfWords(right, best[0], best[1], len(best[2]))


def _features(text: str) -> set[str]:
    words = tokens(text)
    return {*words, *(f"{a} {b}" for a, b in pairwise(words))}


def _matrix(texts: Sequence[str], columns: dict[str, int]) -> Any:
    found = [[columns[f] for f in sorted(_features(text)) if f in columns] for text in texts]
    starts = np.cumsum([0, *map(len, found)])
    places = np.concatenate([np.array(row, np.int64) for row in found])
    return csr_matrix((np.ones(len(places)), places, starts), shape=(len(texts), len(columns)))


def _fitted(x: Any, labels: NDArray[np.int64], penalty: float) -> NDArray[np.float64]:
    """(F + 1,) weights of the features, and the constant."""
    signs = 2.0 * labels - 1

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = signs * (x @ weights[:-1] + weights[-1])
        slope = -signs * expit(-margin)
        gradient = np.append(x.T @ slope + penalty * weights[:-1], slope.sum())
        return float(np.logaddexp(0, -margin).sum() + penalty / 2 * weights[:-1] @ weights[:-1]), gradient

    found: NDArray[np.float64] = minimize(
        loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITERATIONS}
    ).x
    return found


def _answers(x: Any, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(x @ weights[:-1] + weights[-1] > 0, np.int64)
