"""Chances of mistakes, calibrated on training data (`docs/lab/2026-11-annotation.md`)."""

from __future__ import annotations

import numpy as np

from tracker.types import Float64

# Log-odds of an identity change at a moment of doubt: by the log-odds of its weakest link.
CROSSING_SLOPE, CROSSING_BIAS = 0.45, 0.1
# Log-odds that a track continues an earlier one: by how far the nearest earlier one is (`continuations.far`).
RETURN_SLOPE, RETURN_MIDDLE = 0.6, 3.0
# Log-odds that a track shows no object: by seconds and mean score.
SHORT_SLOPE, SHORT_S, SCORE_SLOPE, EVEN_SCORE = 2.0, 1.0, 6.0, 0.6
# Mistakes at links that nothing shows: a second of a track.
HIDDEN_MISTAKES = 0.02
LEAST = 1e-4


def crossing_chance(link: Float64) -> Float64:
    """(M,) chance of an identity change where the weakest link has these probabilities; 1 for 0."""
    doubt = np.clip(1 - link, LEAST, 1 - LEAST)
    odds = CROSSING_SLOPE * np.log(doubt / (1 - doubt)) + CROSSING_BIAS
    return np.where(link <= 0, 1.0, 1 / (1 + np.exp(-odds)))


def return_chance(far: Float64) -> Float64:
    """Chance that a track continues an earlier one, of which the nearest is so far."""
    return np.asarray(1 / (1 + np.exp(np.minimum(RETURN_SLOPE * (far - RETURN_MIDDLE), 50))))


def false_chance(seconds: Float64, score: Float64) -> Float64:
    """Chance that a track of a mean score shows no object."""
    odds = SHORT_SLOPE * (seconds - SHORT_S) + SCORE_SLOPE * (score - EVEN_SCORE)
    return np.asarray(1 / (1 + np.exp(np.clip(odds, -50, 50))))
