"""Boxes of a whole video: the content of label files, as readers return it and writers and evaluation take it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.masks.rle import Rle
from models.errors import DataError
from tracker.types import Bool, Float32, Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class Annotations:
    """Rows of boxes, sorted by frame, beside the list of all frames (also those without a box).

    Attributes:
        frames: (F,) int64, the source's frame numbers counted from 0, strictly increasing.
        times: (F,) float64, seconds since the source's first frame, strictly increasing, or None if unknown.
        row: (N,) int64, index into `frames` of each box, not decreasing.
        id: (N,) int64, the object id; -1 if the file has none (detections).
        xyxy: (N, 4) float32, pixels, right and bottom exclusive.
        score: (N,) float32, 0..1.
        label: (N,) int64, an index into `names`.
        names: class names.
        ignore: (N,) bool, boxes that count neither as ground truth nor as errors.
        size: (width, height) in pixels, or None if the file does not give it.
        visibility: (N,) float32, 0..1, visible share of the object, or None if the file does not give it.
        mask: one run-length mask or None for each box, or None if there are no masks at all.
        start: time of the first frame on the source's own clock in seconds; `times` count from it.
        filled: (N,) bool, boxes without a detection, put into an absence; None if the file does not tell.
        link: (N,) float32, 0..1, probability of the link that leads to the box, nan where unknown; None if the file
            has none.
    """

    frames: Int64
    times: Float64 | None
    row: Int64
    id: Int64
    xyxy: Float32
    score: Float32
    label: Int64
    names: tuple[str, ...]
    ignore: Bool
    size: tuple[int, int] | None = None
    visibility: Float32 | None = None
    mask: tuple[Rle | None, ...] | None = None
    start: float = 0.0
    filled: Bool | None = None
    link: Float32 | None = None

    def __post_init__(self) -> None:
        n = len(self.row)
        for name in ("id", "xyxy", "score", "label", "ignore", "visibility", "mask", "filled", "link"):
            column = getattr(self, name)
            if column is not None and len(column) != n:
                raise DataError(f"annotations: {name} has {len(column)} rows where row has {n}.")
        if self.times is not None and len(self.times) != len(self.frames):
            raise DataError(f"annotations: {len(self.times)} times for {len(self.frames)} frames.")
        for name in ("frames", "times"):
            values = getattr(self, name)
            if values is not None and len(values) > 1 and not (np.diff(values) > 0).all():
                at = int(np.argmin(np.diff(values) > 0)) + 1
                raise DataError(f"annotations: {name} goes from {values[at - 1]} to {values[at]}; it must increase.")
        if n and (self.row.min() < 0 or self.row.max() >= len(self.frames) or (np.diff(self.row) < 0).any()):
            raise DataError("annotations: rows must be sorted by frame and lie inside the list of frames.")

    def __len__(self) -> int:
        return len(self.row)

    def at(self, row: int) -> slice:
        """The rows of the boxes of `frames[row]`."""
        start, stop = np.searchsorted(self.row, [row, row + 1])
        return slice(int(start), int(stop))
