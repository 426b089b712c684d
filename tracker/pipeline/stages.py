"""The stages of the pipeline up to the tracker: detection, appearance embeddings, camera motion, tracking.

The stages after the tracker are in the packages `classification` and `masks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from models.errors import DataError
from tracker.decorators import update_of
from tracker.detectors.class_names import names_of
from tracker.detectors.registry import detector_of
from tracker.protocols import (
    CameraMotion,
    Detector,
    Embedder,
    Engine,
    FrameContext,
    FrameTracker,
    SnapshotEngine,
    SourceInfo,
    Stage,
)
from tracker.types import Detections, Frame


def stage_name(stage: Stage) -> str:
    """The name of a stage for its thread and its working time: its `name`, or that of its class."""
    return str(getattr(stage, "name", type(stage).__name__))


class DetectStage:
    """Finds the objects of a frame.

    Args:
        detector: a result of `build_detector`, or any function of a frame that returns what `Detections.of` takes.

    Raises:
        ConfigError: it is not callable.
    """

    name = "detect"

    def __init__(self, detector: Detector | Callable[[Frame], Any]) -> None:
        self.detector = detector_of(detector)
        self._names = names_of(self.detector)

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        return self._names

    def __call__(self, context: FrameContext) -> FrameContext:
        """The context with the frame's detections.

        Raises:
            DataError: the detector returned a class without a name, or something other than detections.
        """
        frame, names = context.frame, self._names
        found = Detections.of(self.detector(frame), names, flat=True)
        if names and len(found) and found.label.max() >= len(names):
            said = f"frame {frame.index}: the detector answered class {found.label.max()}"
            raise DataError(f"{said} where {len(names)} have names; complete its `names`.")
        return replace(context, detections=found)


class EmbedStage:
    """Computes appearance embeddings of the detections with a separate network, in frames that need them."""

    name = "embed"

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        return names

    def __call__(self, context: FrameContext) -> FrameContext:
        found = context.detections
        if not self.embedder.needed(found, context.frame.time):
            return context
        embedding = self.embedder.pool(self.embedder.features(context.frame), found.xyxy)
        return replace(context, detections=found.with_embedding(embedding))


class CameraMotionStage:
    """Estimates the camera's motion since the last frame."""

    name = "camera motion"

    def __init__(self, camera_motion: CameraMotion) -> None:
        self.camera_motion = camera_motion

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        return names

    def __call__(self, context: FrameContext) -> FrameContext:
        return replace(context, warp=self.camera_motion(context.frame, context.detections))


class TrackStage:
    """Runs the tracker with its decorators."""

    name = "track"

    def __init__(self, tracker: Engine) -> None:
        self.tracker = tracker
        self._update = update_of(tracker)
        self._engine: SnapshotEngine | None = None

    def predict_ahead(self) -> None:
        """From now on, every context gets a predictor, if the tracker inside all decorators has one."""
        inside: Any = self.tracker
        while inside is not None and not isinstance(inside, SnapshotEngine):
            inside = getattr(inside, "tracker", None)
        self._engine = inside

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        return self.tracker.open(info, names) if isinstance(self.tracker, FrameTracker) else names

    def __call__(self, context: FrameContext) -> FrameContext:
        frame = context.frame
        tracks = self._update(context.detections, frame.time, context.warp, frame)
        predictor = None if self._engine is None else self._engine.snapshot()
        return replace(context, tracks=tracks, predictor=predictor)
