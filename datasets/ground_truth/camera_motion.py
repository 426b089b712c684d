"""Camera motion from files: `gmc.txt` beside a sequence's detections."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from models.errors import DataError
from tracker.types import Float64


def read_camera_motion(sequence: Path) -> dict[int, Float64]:
    """gmc.txt[.gz]: by frame (from 0), the (2, 3) affine from the previous listed frame's pixels to this frame's.

    Rows are `number a11 a12 tx a21 a22 ty`. In comma-separated files the number is a frame number from 1 (subsampled
    sequences). In files with spaces it is an index from 0 (UCMCTrack's files).

    Raises:
        DataError: a row is not seven finite numbers.
    """
    for path in (sequence / "gmc.txt", sequence / "gmc.txt.gz"):
        if path.is_file():
            break
    else:
        return {}
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8", "replace")
    first = 1 if "," in text else 0
    warps = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = np.array([float(word) for word in line.replace(",", " ").split()])
        except ValueError:
            values = np.zeros(0)
        if len(values) != 7 or not np.isfinite(values).all():
            raise DataError(f"{path} line {number}: a row is a frame and six finite numbers.")
        warps[int(values[0]) - first] = values[1:].reshape(2, 3)
    return warps
