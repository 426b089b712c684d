"""Selects the key frames of a track so that linear interpolation stays within a tolerance of every box."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasets.formats.provenance import Provenance
from models.errors import ConfigError
from tracker.types import Bool, Float64, Int64

BLOCK = 32  # initial look-ahead in frames; doubled while the line still fits
ROUNDING = 0.0015  # pixels: error of rounding to three decimals
UNKNOWN = -1  # the origin of a row that is not told
BY_PERSON = "person"


def parse_tolerance(text: str) -> float:
    """`2px`, `0.5px` or a plain number -> pixels; 0 makes every frame a key frame, `person` (infinity) only a person's.

    Raises:
        ConfigError: it is not a tolerance.
    """
    if text.strip() == BY_PERSON:
        return math.inf
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*(?:px)?", text.strip())
    if match is None:
        raise ConfigError(
            f"the tolerance of key frames is {text!r}; give pixels, such as 2px, 0 for all frames, or {BY_PERSON}."
        )
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


@dataclass(frozen=True, eq=False, slots=True)
class KeyRows:
    """The rows of one track, in order of frames.

    Attributes:
        frame: (N,) frame numbers, strictly increasing.
        box: (N, 4) edges in pixels.
        gone: (N,) rows that end a presence: from there on the object is outside.
        state: (N,) what a key frame hands on to the boxes after it; a change needs a key frame.
        origin: (N,) `Provenance`, or `UNKNOWN`.
    """

    frame: Int64
    box: Float64
    gone: Bool
    state: Int64
    origin: Int64


def key_rows(rows: KeyRows, tolerance: float, confirmed: float) -> Iterator[tuple[int, Provenance | None]]:
    """The rows to keep, each with the origin of the rows left out after it where it is another than its own.

    Every drawn row is kept, and every change of state or presence. Two key frames may enclose rows of one origin.

    Args:
        rows: the track.
        tolerance: largest error of each edge, pixels; infinity keeps only a person's key frames and ends of presence.
        confirmed: the largest error between rows that a person confirmed, if `tolerance` is infinite.
    """
    gone, state, origin = rows.gone.tolist(), rows.state.tolist(), rows.origin.tolist()
    n, here = len(gone), 0
    while here < n:
        after = here + 1
        if gone[here] or after == n or gone[after] or state[after] != state[here]:
            yield here, None
            here = after
            continue
        between, stop = origin[after], after
        while (
            stop < n
            and not gone[stop]
            and (state[stop], origin[stop]) == (state[here], between)
            and between != Provenance.DRAWN
        ):
            stop += 1
        open_end = stop < n and not gone[stop]  # the next row is a key frame anyway, and the line may lead to it
        part = slice(here, stop + 1 if open_end else stop)
        within = tolerance
        if math.isinf(tolerance) and between == Provenance.CONFIRMED:
            within = confirmed
        kept = key_frames(rows.frame[part], rows.box[part], within)
        for k in kept[:-1] if open_end else kept:
            differs = k == 0 and between not in (origin[here], UNKNOWN)
            left_out = kept[1] > 1 if k == 0 else False
            yield here + k, Provenance(between) if differs and left_out else None
        here = stop
