"""Chances of mistakes, calibrated on training data (`docs/lab/2026-11-annotation.md`)."""

from __future__ import annotations

import numpy as np

from tracker.review.types import AnswerHistory
from tracker.types import Bool, Float64

# Log-odds of an identity change at a moment of doubt: by the log-odds of its weakest link, and by the logarithm of the
# seconds of the shorter side of the track.
CROSSING_SLOPE, CROSSING_SIDE, CROSSING_BIAS = 0.5, 0.3, -0.4
# Log-odds that a track continues an earlier one: by how far the nearest earlier one is (`continuations.far`).
RETURN_SLOPE, RETURN_BIAS = 0.8, 2.0
# Log-odds that a track shows no object: by seconds and mean score. The first line is for short ones, the second one for
# weak ones that last.
SHORT_SLOPE, SHORT_S, SCORE_SLOPE, EVEN_SCORE = 2.0, 1.0, 6.0, 0.6
LONG_SLOPE, LONG_SCORE_SLOPE, LONG_EVEN_SCORE = 0.64, 3.5, 0.11
# Log-odds that a stretch of low scores shows nothing: at an end of the track, and more for that than between.
STRETCH_END, STRETCH_BIAS = 1.3, -2.3
# Mistakes at links that nothing shows: a second of a track.
HIDDEN_MISTAKES = 0.006
PRIOR = 3.0  # answers that the stated chances count as, beside those that were given
LEAST = 1e-4


def crossing_chance(link: Float64, side: Float64) -> Float64:
    """(M,) chance of an identity change where the weakest link has these probabilities; 1 for 0.

    Args:
        link: (M,) probability of the weakest link of a moment.
        side: (M,) seconds of the shorter side of the track.
    """
    doubt = np.clip(1 - link, LEAST, 1 - LEAST)
    odds = CROSSING_SLOPE * np.log(doubt / (1 - doubt)) + CROSSING_SIDE * np.log(side + 0.1) + CROSSING_BIAS
    return np.where(link <= 0, 1.0, 1 / (1 + np.exp(-odds)))


def return_chance(far: Float64) -> Float64:
    """Chance that a track continues an earlier one, of which the nearest is so far."""
    return np.asarray(1 / (1 + np.exp(np.minimum(RETURN_SLOPE * far - RETURN_BIAS, 50))))


def false_chance(seconds: Float64, score: Float64) -> Float64:
    """Chance that a track of a mean score shows no object."""
    short = SHORT_SLOPE * (seconds - SHORT_S) + SCORE_SLOPE * (score - EVEN_SCORE)
    long = LONG_SLOPE * seconds + LONG_SCORE_SLOPE * (score - LONG_EVEN_SCORE)
    return np.asarray(1 / (1 + np.exp(np.clip(np.minimum(short, long), -50, 50))))


def stretch_chance(at_end: Bool) -> Float64:
    """(S,) chance that stretches of low scores show nothing, by whether the track starts or ends with them."""
    return np.asarray(1 / (1 + np.exp(-(STRETCH_BIAS + STRETCH_END * at_end))))


def learned(chance: Float64, answers: AnswerHistory | None) -> Float64:
    """Chances after what was answered: as much more or less common as mistakes of this kind were than was stated.

    1 stays 1: what a person said to be wrong.
    """
    if answers is None:
        return chance
    more = np.log((answers.changed + PRIOR) / (answers.expected + PRIOR))
    less = np.log((answers.count - answers.changed + PRIOR) / (answers.count - answers.expected + PRIOR))
    p = np.clip(chance, LEAST, 1 - LEAST)
    odds = np.log(p / (1 - p)) + more - less
    return np.where(chance >= 1, 1.0, 1 / (1 + np.exp(-odds)))
