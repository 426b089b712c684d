"""Time series with sample times, to compare recurrent cells: half-cheetah, event XOR, room occupancy.

Shapes: N series, L samples (padded at the end), C inputs, O targets.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError

CHEETAH_WINDOW, CHEETAH_STEP = 32, 10
CHEETAH_FILES = {"valid": slice(0, 5), "test": slice(5, 15), "train": slice(15, 25)}  # slices of the sorted traces
OCCUPANCY_WINDOW, OCCUPANCY_TEST_STEP = 16, 8

OCCUPANCY_VALID = 0.1  # share of the training windows
XOR_LENGTH = 32  # largest number of bits; so many bits last 1 second
XOR_ROWS = {"train": (100_000, 1), "valid": (5_000, 2), "test": (10_000, 3)}  # series, seed


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """A set of series.

    Attributes:
        x: (N, L, C) float32, or (N, L) int64 words; 0 in the padding.
        times: (N, L) float64, seconds; the last sample's time in the padding.
        mask: (N, L) bool, True where there is a sample.
        y: targets: (N, L, O) float32 per sample, (N, L) int64 classes per sample, or (N,) int64 classes.
    """

    x: NDArray[Any]
    times: NDArray[np.float64]
    mask: NDArray[np.bool_]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.x)


def half_cheetah(folder: Path, *, drop: float = 0.0, seed: int = 0) -> dict[str, Series]:
    """Windows of the LTC paper's walking robot; the target of a sample is the next frame, all 17 numbers.

    Args:
        folder: folder with trace_*.npy, float (1000, 17) each; one second per frame.
        drop: probability that a frame is missing, 0 to below 1. The gaps are visible in the times. At least one frame
            stays in each window.
        seed: seed for the choice of missing frames.

    Raises:
        DataError: traces are missing or of another shape.
    """
    files = sorted(folder.glob("trace_*.npy"))
    if len(files) < CHEETAH_FILES["train"].stop:
        raise DataError(f"{folder} holds {len(files)} traces; 25 files trace_*.npy are needed.")
    if not 0 <= drop < 1:
        raise DataError(f"drop is {drop}; give 0 up to below 1.")
    sets = {}
    for name, part in CHEETAH_FILES.items():
        windows = []
        for index, file in enumerate(files[part], part.start):
            try:
                trace = np.load(file, allow_pickle=False).astype(np.float32)
            except (OSError, ValueError) as error:
                raise DataError(f"{file} cannot be read as a trace ({error}); fetch it again.") from None
            if trace.ndim != 2 or trace.shape[1] != 17:
                raise DataError(f"{file} has shape {trace.shape}; a trace is (frames, 17).")
            kept = np.random.default_rng((seed, index)).random(len(trace)) >= drop
            for start in range(0, len(trace) - CHEETAH_WINDOW - 1, CHEETAH_STEP):
                frames = np.arange(start, start + CHEETAH_WINDOW)
                frames = frames[kept[frames]] if kept[frames].any() else frames[-1:]
                windows.append((trace[frames], frames.astype(np.float64), trace[frames + 1]))
        sets[name] = padded(windows)
    return sets


def event_xor() -> dict[str, Series]:
    """Parity of 2 to 31 random bits as events: only changes of the bit, and the end, are given, with their times.

    The task comes from the CfC paper's code. How often a bit is repeated follows only from the elapsed time.
    """
    sets = {}
    for name, (rows, seed) in XOR_ROWS.items():
        rng = np.random.default_rng(seed)
        lengths = rng.integers(2, XOR_LENGTH, rows)
        bits = rng.integers(0, 2, (rows, XOR_LENGTH))
        place = np.arange(XOR_LENGTH)
        inside = place < lengths[:, None]
        event = inside & ((np.diff(bits, axis=1, prepend=-1) != 0) | (place == lengths[:, None] - 1))
        windows = [
            (row[told, None].astype(np.float32), (place[told] + 1) / XOR_LENGTH, np.zeros((int(told.sum()), 0)))
            for row, told in zip(bits, event, strict=True)
        ]
        whole = padded(windows)
        parity = (bits * inside).sum(1) % 2
        sets[name] = Series(whole.x, whole.times, whole.mask, parity.astype(np.int64))
    return sets


def occupancy(folder: Path) -> dict[str, Series]:
    """Windows of 16 minutes of a room's air and light; the target of each sample is whether the room is occupied.

    Inputs are scaled by the training file's mean and standard deviation. A tenth of the training windows is used for
    validation.

    Args:
        folder: folder with datatraining, datatest and datatest2 (UCI data set 357), .txt or .txt.gz.

    Raises:
        DataError: a file is missing or damaged.
    """
    raw = {name: _occupancy_file(folder, name) for name in ("datatraining", "datatest", "datatest2")}
    mean, deviation = raw["datatraining"][0].mean(0), raw["datatraining"][0].std(0)

    def windows(name: str, step: int) -> list[tuple[Any, Any, Any]]:
        x, times, y = raw[name]
        x = ((x - mean) / deviation).astype(np.float32)
        starts = range(0, len(x) - OCCUPANCY_WINDOW, step)
        return [tuple(a[s : s + OCCUPANCY_WINDOW] for a in (x, times, y[:, None])) for s in starts]  # type: ignore[misc]

    train = windows("datatraining", 1)
    order = np.random.default_rng(0).permutation(len(train))
    held = int(OCCUPANCY_VALID * len(train))
    sets = {
        "valid": padded([train[i] for i in order[:held]]),
        "train": padded([train[i] for i in order[held:]]),
        "test": padded(windows("datatest", OCCUPANCY_TEST_STEP) + windows("datatest2", OCCUPANCY_TEST_STEP)),
    }
    return {name: Series(s.x, s.times, s.mask, s.y[..., 0].astype(np.int64)) for name, s in sets.items()}


def _occupancy_file(folder: Path, name: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Inputs (R, 5), seconds (R,), classes (R,)."""
    for path in (folder / f"{name}.txt", folder / f"{name}.txt.gz"):
        if path.is_file():
            break
    else:
        raise DataError(f"{folder} holds no {name}.txt or {name}.txt.gz; fetch UCI data set 357.")
    opener = gzip.open if path.suffix == ".gz" else open
    x, times, y = [], [], []
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            # the header has no name for the column of row numbers, so the columns are named here
            for number, row in enumerate(csv.reader(file), 1):
                if number == 1:
                    continue
                x.append([float(value) for value in row[2:7]])
                times.append(datetime.fromisoformat(row[1]).timestamp())
                y.append(int(row[7]))
    except (OSError, EOFError, ValueError, IndexError, UnicodeDecodeError) as error:
        raise DataError(f"{path} line {len(y) + 2} cannot be read ({error}); fetch it again.") from None
    return np.array(x), np.array(times), np.array(y)


def padded(windows: list[tuple[Any, Any, Any]]) -> Series:
    """Pads windows of (samples, times, targets) with different lengths into one set."""
    longest = max(len(times) for _, times, _ in windows)
    rows = len(windows)
    mask = np.zeros((rows, longest), bool)
    x = np.zeros((rows, longest, windows[0][0].shape[1]), np.float32)
    y = np.zeros((rows, longest, windows[0][2].shape[1]), np.float32)
    clock = np.zeros((rows, longest))
    for row, (samples, times, targets) in enumerate(windows):
        count = len(times)
        mask[row, :count] = True
        x[row, :count], y[row, :count], clock[row] = samples, targets, times[-1]
        clock[row, :count] = times
    return Series(x, clock, mask, y)
