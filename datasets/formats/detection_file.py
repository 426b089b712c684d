"""Precomputed detections from a file, looked up by frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.registry import read
from datasets.masks.rle import decode
from models.errors import DataError
from tracker.types import Bool, Detections

MAX_MASKS = 1 << 28  # total pixels of one frame's masks: 130 masks of a full HD image


def read_detections(path: Path, skip_bad_rows: bool = False) -> tuple[DetectionFile, tuple[str, ...]]:
    """(detections by frame, class names) of a file, for the detector `file:`.

    Raises:
        DataError: the file cannot be read, or its content is wrong.
    """
    file = DetectionFile(path, skip_bad_rows=skip_bad_rows)
    return file, file.names


class DetectionFile:
    """Detections of a file in any readable format (MOT's det.txt, our JSON lines, ...), by frame.

    Boxes to ignore and ids are left out. A frame that is not in the file has no detections.

    Attributes:
        names: class names; `Detections.label` is an index into them.
        annotations: full content of the file, including its frames and times.
    """

    def __init__(
        self, path: str | Path, format: str | None = None, *, skip_bad_rows: bool = False, rate: float | None = None
    ) -> None:
        self.annotations: Annotations = read(path, format, skip_bad_rows=skip_bad_rows, rate=rate)
        self.names: tuple[str, ...] = self.annotations.names
        starts = np.searchsorted(self.annotations.row, np.arange(len(self.annotations.frames) + 1)).tolist()
        self._at = {
            frame: slice(starts[k], starts[k + 1])
            for k, frame in enumerate(self.annotations.frames.tolist())
            if starts[k] < starts[k + 1]
        }
        self._all = Detections(self.annotations.xyxy, self.annotations.score, self.annotations.label)
        self._none = Detections.empty()
        self._ignored = bool(self.annotations.ignore.any())

    def __len__(self) -> int:
        return len(self.annotations.frames)

    def __call__(self, index: int) -> Detections:
        """The detections of frame `index`, counted from 0 over all of the source's frames."""
        at = self._at.get(index)
        if at is None:
            return self._none
        found = self._all.take(at)  # a view: checked once, when the file was read
        mask = self._mask(at)
        if mask is not None:
            found = replace(found, mask=mask)
        return found.take(~self.annotations.ignore[at]) if self._ignored else found

    def after(self, index: int) -> int:
        """Number of frames after frame `index` that have detections."""
        return sum(frame > index for frame in self._at)

    def _mask(self, at: slice) -> Bool | None:
        """The frame's masks; a box without one gets a full mask. None if no box has one, or if their sizes differ."""
        rles = self.annotations.mask[at] if self.annotations.mask is not None else ()
        sizes = {(rle.height, rle.width) for rle in rles if rle is not None}
        if len(sizes) != 1:
            return None
        height, width = sizes.pop()
        if len(rles) * height * width > MAX_MASKS:
            raise DataError(
                f"the file of detections has {len(rles)} masks of {width}x{height} in one frame, which no memory holds;"
                " give masks of the video's size, or boxes alone."
            )
        out = np.zeros((len(rles), height, width), bool)
        for k, (rle, box) in enumerate(zip(rles, self.annotations.xyxy[at], strict=True)):
            if rle is not None:
                out[k] = decode(rle)
            else:
                left, top, right, bottom = np.clip(np.round(box), 0, None).astype(int)
                out[k, top:bottom, left:right] = True
        return out
