"""Label hysteresis: a track's label is its likeliest class, but changes only on clear evidence."""

from __future__ import annotations

import numpy as np

from tracker.types import Float32, Int64

SWITCH_RATIO = 3.0  # probability ratio to the reported class: Jeffreys' "substantial" evidence begins there


def apply_hysteresis(label: Int64, probability: Float32) -> Int64:
    """(N,) labels to report, from the (N,) `label` reported before (-1: none yet) and the (N, K) probabilities now."""
    rows = np.arange(len(label))
    best = probability.argmax(axis=1)
    held = np.where(label >= 0, probability[rows, np.maximum(label, 0)], 0)
    return np.where((label < 0) | (probability[rows, best] >= SWITCH_RATIO * held), best, label)
