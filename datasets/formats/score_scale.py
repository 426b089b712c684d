"""Converts scores of any scale to probabilities by a fixed rule, with one notice, or leaves them for the checks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.formats.text import log
from tracker.types import Float64

STRAY = 0.01  # share of rows outside 0..1 up to which the rows are errors; above it the file has another scale
ROUNDING = 1e-3  # a score outside 0..1 by at most this is clipped
PERCENT_FROM = 10.0  # a largest score from here to 100 means percent, if no score is negative
# The probability of the median. Published detections are mostly correct: on four sequences with ACF's and DPM's scores
# (PETS09, two of TUD, half of MOT16-11) tracking has a HOTA of 33.8 with a median of 0.5, 40.0 with 0.7 and 42.0 with
# 0.75.
MEDIAN = 0.75


def probabilities(score: Float64, path: Path) -> Float64:
    """Scores as probabilities, 0..1. Probabilities stay unchanged; -1 means "no score" and becomes 1.

    * 0 to 100 (the largest above 10): percent, divided by 100.
    * Any other range (ACF's and DPM's scores): z / (1 + |z|), with z the distance from the file's median in
      interquartile ranges, and then three times the odds. The order stays; the median becomes 0.75.
    * A few stray rows outside 0..1 are left unchanged: they are errors, which the checks of the rows refuse.
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
