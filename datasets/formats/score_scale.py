"""Scores of any scale become probabilities by a stated rule, with one notice, or are left for the checks to refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.formats.text import log
from tracker.types import Float64

STRAY = 0.01  # share of rows beyond 0..1 up to which these rows are wrong, and not the scale another one
ROUNDING = 1e-3  # beyond 0..1 by no more than this is 0 or 1
PERCENT_FROM = 10.0  # a largest score from here to 100 is taken for percent, where none is negative
# What the median becomes. Published detections are mostly right: over four sequences of ACF's and DPM's scores (PETS09,
# two of TUD, half of MOT16-11) tracking has a HOTA of 33.8 with a median of .5, 40.0 with .7, 42.0 with .75.
MEDIAN = 0.75


def probabilities(score: Float64, path: Path) -> Float64:
    """Scores as probabilities, 0..1. What is one already stays; -1 means "no score" and becomes 1.

    * 0 to 100 (the largest above 10): percent, divided by 100.
    * Any other range (ACF's and DPM's scores): through z / (1 + |z|), with z counted from the file's median in its
      interquartile ranges, and three times the odds of that: the order stays, the median becomes 0.75.
    * A few stray rows beyond 0..1 are left as they are: they are mistakes, which the checks of the rows refuse.
    """
    given = np.isfinite(score) & (score != -1)
    near = np.clip(score, 0, 1)
    score = np.where(given & (np.abs(score - near) <= ROUNDING), near, np.where(score == -1, 1.0, score))
    beyond = given & ((score < 0) | (score > 1))
    if beyond.sum() <= STRAY * given.sum():
        return score
    known = score[given]
    low, middle, high = np.percentile(known, [25, 50, 75])
    least, most = known.min(), known.max()
    if least >= 0 and PERCENT_FROM < most <= 100:
        log.warning("%s: scores from %.4g to %.4g are taken for percent and divided by 100.", path.name, least, most)
        return np.where(given, score / 100, score)
    z = (score - middle) / max(high - low, 1e-6 * max(1.0, abs(middle)))
    share = 0.5 + 0.5 * z / (1 + np.abs(z))
    odds = MEDIAN / (1 - MEDIAN)
    log.warning(
        "%s: scores from %.4g to %.4g are no probabilities; they are brought into 0..1 in their order, the median %.4g "
        "to %g.",
        path.name,
        least,
        most,
        middle,
        MEDIAN,
    )
    return np.where(given, odds * share / (odds * share + 1 - share), score)
