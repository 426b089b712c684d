"""Boxes of a whole video: the content of label files, as readers return it and writers and evaluation take it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from datasets.formats.provenance import Provenance
from datasets.formats.track_info import TrackInfo
from datasets.masks.rle import Rle
from models.errors import DataError
from tracker.types import Bool, Float32, Float64, Int64, UInt8

COLUMNS = ("id", "xyxy", "score", "label", "ignore", "visibility", "mask", "filled", "link", "provenance", "occluded")


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
        provenance: (N,) uint8, how each box came about (`Provenance`); None if the file does not tell.
        occluded: (N,) bool, boxes of objects that are partly hidden; None if the file does not tell.
        tracks: what is said of tracks as a whole, one entry a track; tracks of which nothing is said may be missing.
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
    provenance: UInt8 | None = None
    occluded: Bool | None = None
    tracks: tuple[TrackInfo, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.row)
        for name in COLUMNS:
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
        if len({info.id for info in self.tracks}) < len(self.tracks):
            raise DataError("annotations: a track is described twice.")

    def __len__(self) -> int:
        return len(self.row)

    def at(self, row: int) -> slice:
        """The rows of the boxes of `frames[row]`."""
        start, stop = np.searchsorted(self.row, [row, row + 1])
        return slice(int(start), int(stop))

    def origin(self) -> UInt8 | None:
        """(N,) `Provenance` of each box, as far as it is known: from `provenance`, else from `filled`."""
        if self.provenance is not None or self.filled is None:
            return self.provenance
        return np.where(self.filled, Provenance.FILLED, Provenance.SEEN).astype(np.uint8)

    def take(self, keep: Bool) -> Annotations:
        """The boxes where `keep` (N,) is true; all frames and what is said of the tracks that are left."""
        at = np.flatnonzero(keep)
        columns: dict[str, Any] = {}
        for name in ("row", *COLUMNS):
            column = getattr(self, name)
            if column is not None:
                columns[name] = tuple(column[i] for i in at.tolist()) if name == "mask" else column[at]
        left = set(np.unique(self.id[at]).tolist())
        return replace(self, **columns, tracks=tuple(info for info in self.tracks if info.id in left))
