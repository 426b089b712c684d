"""Selects the key frames of a track so that linear interpolation stays within a tolerance of every box."""

from __future__ import annotations

import re

import numpy as np

from models.errors import ConfigError
from tracker.types import Float64, Int64

BLOCK = 32  # initial look-ahead in frames; doubled while the line still fits
ROUNDING = 0.0015  # pixels: error of rounding to three decimals


def parse_tolerance(text: str) -> float:
    """`2px`, `0.5px` or a plain number -> pixels; 0 makes every frame a key frame.

    Raises:
        ConfigError: it is not a tolerance.
    """
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*(?:px)?", text.strip())
    if match is None:
        raise ConfigError(f"the tolerance of key frames is {text!r}; give pixels, such as 2px, or 0 for all frames.")
    return float(match[1])


def key_frames(frame: Int64, box: Float64, tolerance: float) -> list[int]:
    """The rows to keep, including the first and the last.

    From each key frame, the next one is the farthest row for which the line in `frame` stays within the tolerance of
    all rows between. The admissible slopes of each edge are an interval that narrows from row to row (the swing filter
    of Elmeleegy et al., VLDB 2009).

    Args:
        frame: (N,) frame numbers, strictly increasing.
        box: (N, 4) edges in pixels.
        tolerance: largest error of each edge, pixels.
    """
    n, slack = len(frame), tolerance - ROUNDING
    if n < 3 or slack <= 0:
        return list(range(n))
    kept = [0]
    while (here := kept[-1]) < n - 1:
        best, block = here + 1, BLOCK
        while True:
            rows = slice(here + 1, min(here + 1 + block, n))
            dt = (frame[rows] - frame[here])[:, None].astype(float)
            step = box[rows] - box[here]
            low = np.maximum.accumulate((step - slack) / dt)
            high = np.minimum.accumulate((step + slack) / dt)
            slope = step / dt
            # The line to row k must fit the rows before it; row k itself is on it.
            fits = (slope[1:] >= low[:-1]).all(axis=1) & (slope[1:] <= high[:-1]).all(axis=1)
            if fits.any():
                best = here + 2 + int(np.flatnonzero(fits)[-1])
            if rows.stop == n or not (low[-1] <= high[-1]).all():
                break
            block *= 2
        kept.append(best)
    return kept
