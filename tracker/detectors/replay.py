"""Precomputed detections, replayed frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.errors import DataError
from tracker.detectors.config import DetectorConfig
from tracker.detectors.postprocess import Select
from tracker.types import Detections, Frame

ByFrame = Mapping[int, Detections] | Callable[[int], Detections | None]


class ReplayDetector:
    """Returns the stored detections of each frame's index; empty where there are none.

    Args:
        detections: by frame index (from 0), a mapping or a callable.
        names: class names.
        config: class filter, score threshold and IoU; by default all is kept unchanged.

    Attributes:
        detections: as given.
    """

    def __init__(
        self,
        detections: ByFrame,
        names: tuple[str, ...],
        config: DetectorConfig | None = None,
    ) -> None:
        self.detections = detections
        self._at = detections.get if isinstance(detections, Mapping) else detections
        self.names = names
        self._select = Select(names, config or DetectorConfig(detector="file"), score=0.0, nms=1.0)

    def __call__(self, frame: Frame) -> Detections:
        if not isinstance(frame, Frame):
            raise DataError("ready detections belong to numbered frames; give Frame(bgr, index, seconds).")
        found = self._at(frame.index)
        return Detections.empty() if found is None else self._select.filter(found)
