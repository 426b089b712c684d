"""Files of frame times: one time per line, or a table with a `time` column like a MOTChallenge folder's `times.csv`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from models.checks.paths import read_bounded
from models.errors import DataError
from tracker.types import Float64

MAX_BYTES = 256 << 20  # ten million times
MAX_TIME_S = 1e11  # three thousand years: seconds since 1970 fit, and float64 resolves 15 us up to here


def read_frame_times(path: Path) -> Float64:
    """The times of all frames, (F,) float64 seconds, strictly increasing, as written (the first need not be 0).

    Either one number per line, or comma-separated columns below a header with `time` and optionally `frame`, which then
    counts 1, 2, 3, ... (other columns, such as `source_frame`, are ignored). Empty lines do not count.

    Raises:
        DataError: the file is missing or has another format; a time is not finite or does not increase.
    """
    try:
        text = read_bounded(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not a text; give one time a line, or a times.csv with a `time` column.") from None
    rows = [(k, line.strip()) for k, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not rows:
        raise DataError(f"{path}: there is no time in it; give one time a line, or a times.csv with a `time` column.")
    column, frame, width = 0, None, 1
    header = [name.strip().lower() for name in rows[0][1].split(",")]
    if _number(header[0]) is None:
        if header.count("time") != 1:
            raise DataError(
                f"{path} line {rows[0][0]}: the header is {rows[0][1][:80]!r}; it needs one column named 'time'."
            )
        column, frame, width = header.index("time"), header.index("frame") if "frame" in header else None, len(header)
        del rows[0]
        if not rows:
            raise DataError(f"{path}: there is no time below the header.")
    times = np.empty(len(rows))
    for k, (line, row) in enumerate(rows):
        cells = [cell.strip() for cell in row.split(",")]
        if len(cells) != width:
            raise DataError(f"{path} line {line}: {len(cells)} columns where {width} are expected.")
        value = _number(cells[column])
        if value is None or not math.isfinite(value):
            raise DataError(f"{path} line {line}: the time is {cells[column][:40]!r}; give finite seconds.")
        if abs(value) > MAX_TIME_S:
            raise DataError(f"{path} line {line}: the time is {value:g}; give seconds, of {MAX_TIME_S:g} at most.")
        if frame is not None and _number(cells[frame]) != k + 1:
            raise DataError(
                f"{path} line {line}: the frame is {cells[frame][:40]!r} where {k + 1} is due; list each frame once."
            )
        if k and value <= times[k - 1]:
            raise DataError(
                f"{path} line {line}: the time {value} does not come after {times[k - 1]}; times must increase."
            )
        times[k] = value
    return times


def from_zero(times: Float64) -> Float64:
    """The same times, counted from the first one."""
    zeroed: Float64 = times - times[0]
    return zeroed


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
