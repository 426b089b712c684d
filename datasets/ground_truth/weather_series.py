"""A year of hourly weather as time series with missing samples: Greensboro, North Carolina, of the TMY3 collection.

Wilcox & Marion, "Users manual for TMY3 data sets", NREL/TP-581-43156, 2008. Twelve months of different years follow one
another, each as it was measured. The package pvlib (BSD-3) carries the file.
"""

from __future__ import annotations

import csv
import io
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.ground_truth.rated_texts import read_archive
from datasets.ground_truth.time_series import Series, padded
from models.errors import DataError

FILE = "723170TYA.CSV"
COLUMNS = ("Dry-bulb (C)", "Dew-point (C)", "Pressure (mbar)", "Wspd (m/s)", "TotCld (tenths)")
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
MONTH_STARTS = 24 * np.cumsum((0, *MONTH_DAYS))  # hours; the last entry is the end of the year
HOUR_S = 3600.0
WINDOW, AHEAD = 48, 6  # hours; the target of a sample is the weather so much later
DAYS = {"train": (0, 18), "valid": (18, 23), "test": (23, 31)}  # of each month
STEPS = {"train": 3, "valid": 6, "test": 6}  # hours between the starts of windows


def weather(path: Path, *, drop: float = 0.0, seed: int = 0) -> dict[str, Series]:
    """Windows of 48 hours; the target of a sample is what is measured 6 hours later, all 5 numbers.

    Numbers are temperature, dew point, pressure, wind speed and cloud cover, scaled by the mean and the standard
    deviation of the training days. Times are seconds since the start of the file.

    Args:
        path: the file, the folder that holds it, or the package's wheel.
        drop: probability that an hour is missing, 0 to below 1. At least one sample stays in each window.
        seed: seed for the choice of missing hours.

    Raises:
        DataError: the file is missing or damaged.
    """
    if not 0 <= drop < 1:
        raise DataError(f"drop is {drop}; give 0 up to below 1.")
    table = _table(path)
    spans = {
        name: [(m, m + 24 * begin, min(m + 24 * end, after)) for m, after in _months() for begin, end in [days]]
        for name, days in DAYS.items()
    }
    trained = np.concatenate([table[start:end] for _, start, end in spans["train"]])
    table = ((table - trained.mean(0)) / trained.std(0)).astype(np.float32)
    kept = np.random.default_rng(seed).random(len(table)) >= drop
    sets = {}
    for name, parts in spans.items():
        windows = []
        for _, begin, end in parts:
            for start in range(begin, end - WINDOW - AHEAD + 1, STEPS[name]):
                hours = np.arange(start, start + WINDOW)
                hours = hours[kept[hours]] if kept[hours].any() else hours[-1:]
                windows.append((table[hours], hours * HOUR_S, table[hours + AHEAD]))
        sets[name] = padded(windows)
    return sets


def months(series: Series) -> NDArray[np.int64]:
    """(N,) the month of each window, 0 to 11."""
    return np.asarray(np.searchsorted(MONTH_STARTS * HOUR_S, series.times[:, 0], "right") - 1, np.int64)


def _months() -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in pairwise(MONTH_STARTS)]


def _table(path: Path) -> NDArray[np.float64]:
    """(8760, 5) the measured numbers."""
    try:
        content = _content(path)
        rows = list(csv.reader(io.StringIO(content.decode("ascii", "replace"))))
        places = [rows[1].index(name) for name in COLUMNS]
        table = np.array([[float(row[place]) for place in places] for row in rows[2:]])
    except KeyError:
        raise DataError(f"{path} holds no {FILE}; give the wheel of pvlib or the folder pvlib/data.") from None
    except (OSError, zipfile.BadZipFile, ValueError, IndexError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as hourly weather ({error}); fetch pvlib again.") from None
    if len(table) != MONTH_STARTS[-1] or not np.isfinite(table).all() or (table <= -9900).any():
        raise DataError(f"{path} holds {len(table)} hours, or some without numbers; a year of 8760 is needed.")
    return table


def _content(path: Path) -> bytes:
    """Raises KeyError where the folder or the wheel has no such file."""
    if path.is_dir():
        if not (path / FILE).is_file():
            raise KeyError(FILE)
        return (path / FILE).read_bytes()
    if path.suffix.lower() != ".whl":
        return read_archive(path)
    with zipfile.ZipFile(io.BytesIO(read_archive(path))) as wheel:
        return wheel.read(f"pvlib/data/{FILE}")
