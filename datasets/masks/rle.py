"""Run-length masks in COCO's format: column-major, alternating runs of 0 and 1, packed as COCO's compressed string.

The packing is that of `rleToString` in the COCO API's maskApi.c; tests compare it with pycocotools. pycocotools is an
optional dependency for evaluation, and masks must be written and read without it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.errors import DataError
from tracker.types import Bool

MAX_PIXELS = 1 << 26  # 8192 x 8192: larger than any video, small enough that a wrong size cannot exhaust the memory


class Rle(NamedTuple):
    """One mask: its size in pixels and COCO's compressed string of run lengths."""

    height: int
    width: int
    counts: str

    def to_json(self) -> dict[str, Any]:
        """COCO's own dictionary, the input of pycocotools."""
        return {"size": [self.height, self.width], "counts": self.counts}


def encode(mask: Bool) -> Rle:
    """(H, W) bool -> run lengths."""
    flat = np.asarray(mask, bool).ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    bounds = np.concatenate([[0], edges, [flat.size]])
    runs = np.diff(bounds).tolist()
    if flat.size and flat[0]:
        runs.insert(0, 0)
    return Rle(mask.shape[0], mask.shape[1], _pack(runs))


def decode(rle: Rle) -> Bool:
    """Run lengths -> (H, W) bool; `DataError` if they do not fill the image."""
    runs = _unpack(rle.counts)
    if not 0 <= rle.height * rle.width <= MAX_PIXELS or min(runs, default=0) < 0 or sum(runs) != rle.height * rle.width:
        raise DataError(
            f"a mask's runs hold {sum(runs)} pixels; its size {rle.height} x {rle.width} needs another number."
        )
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape((rle.height, rle.width), order="F")


def from_json(value: Any) -> Rle:
    """COCO's dictionary (packed string or plain list of runs) -> mask; `DataError` if it is not valid."""
    size = value.get("size") if isinstance(value, dict) else None
    if not (isinstance(size, list) and len(size) == 2 and all(type(n) is int and n > 0 for n in size)):
        raise DataError("the mask has no size; a run-length mask is {size: [height, width], counts: ...}")
    counts = value.get("counts")
    if isinstance(counts, list) and all(type(n) is int and n >= 0 for n in counts):
        runs = counts
        counts = _pack(counts)
    elif isinstance(counts, str):
        runs = _unpack(counts)
    else:
        raise DataError("the mask has no runs; a run-length mask is {size: [height, width], counts: ...}")
    height, width = size
    if height * width > MAX_PIXELS or min(runs, default=0) < 0 or sum(runs) != height * width:
        raise DataError(f"the mask's runs hold {sum(runs)} pixels, but {height} x {width} is its size")
    return Rle(height, width, counts)


def _pack(runs: list[int]) -> str:
    out = bytearray()
    for i, run in enumerate(runs):
        x = run - runs[i - 2] if i > 2 else run
        more = True
        while more:
            c = x & 0x1F
            x >>= 5
            more = x != -1 if c & 0x10 else x != 0
            out.append((c | 0x20 if more else c) + 48)
    return out.decode("ascii")


def _unpack(counts: str) -> list[int]:
    runs: list[int] = []
    x = shift = 0
    for char in counts:
        c = ord(char) - 48
        if not 0 <= c < 64 or shift > 60:
            raise DataError(f"a mask's runs hold {char!r}, which is no character of COCO's run lengths")
        x |= (c & 0x1F) << shift
        shift += 5
        if not c & 0x20:
            if c & 0x10:
                x -= 1 << shift
            runs.append(x + runs[-2] if len(runs) > 2 else x)
            x = shift = 0
    if shift:
        raise DataError("a mask's runs end in the middle of a number")
    return runs
