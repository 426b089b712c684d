"""From settings to a pipeline: the one place that assembles its parts, for the command line and for Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from models.runtime.compute import Compute
from tracker.appearance.config import AppearanceConfig
from tracker.decorators import InnerTracker
from tracker.detectors.config import NETWORKS, DetectorConfig
from tracker.detectors.registry import EMBEDDING, build_detector, detector_of
from tracker.pipeline.config import AUTO, OWN, CameraMotionName, PipelineConfig
from tracker.pipeline.given_images import source_of
from tracker.pipeline.loop import Pipeline
from tracker.pipeline.prefetch import QUEUE
from tracker.pipeline.stages import CameraMotionStage, EmbedStage
from tracker.protocols import Detector, Embedder, Engine, Source, SourceInfo, Stage
from tracker.providers import provider
from tracker.schedule.online import OnlineSchedule
from tracker.types import Frame, Tracks

Detects = DetectorConfig | Detector | Callable[[Frame], Any] | str | Path


def track_video(
    source: Source | Iterable[Any] | str | Path | int, detector: Detects | None = None, **settings: Any
) -> Iterable[tuple[Frame, Tracks]]:
    """Each frame of a video, camera, stream or folder of images with its tracks, as `liquidtrack track` finds them.

    >>> for frame, tracks in track_video("street.mp4"):
    ...     print(f"{frame.time:.3f} s", tracks.confirmed.id, tracks.confirmed.xyxy)
    0.000 s ...

    Args:
        source: an argument or a result of `open_source`, or an iterable of (image, seconds).
        detector: text as `--detector` takes it, a `DetectorConfig`, or any function of a frame; fused by default.
        settings: the detection and tracking flags of `liquidtrack track`, as in `build_pipeline`.

    Raises:
        LiquidTrackError: any error that the user can correct, in one sentence.
    """
    return build_pipeline(detector, source=source, **settings)


def build_pipeline(
    config: PipelineConfig | Detects | None = None,
    *,
    source: Source | Iterable[Any] | str | Path | int,
    detector: Detector | Callable[[Frame], Any] | None = None,
    tracker: InnerTracker | None = None,
    **settings: Any,
) -> Pipeline:
    """The pipeline of the settings; `liquidtrack track` runs the same one.

    >>> pipeline = build_pipeline("fused", source="street.mp4", reid=True, score=0.2, camera_motion="flow")
    >>> summary = pipeline.run()
    >>> summary.frames
    20

    Args:
        config: all settings; or the detector alone: text as `--detector` takes it, a `DetectorConfig`, or any
            function of a frame.
        source: an argument or a result of `open_source`, or an iterable of (image, seconds).
        detector: a detector in place of the one that the settings name.
        tracker: a tracker in place of the one that the settings name.
        settings: single settings by the names of the command's flags, such as `reid=True` or `classes=("person",)`.

    Raises:
        LiquidTrackError: any error that the user can correct: a source that cannot be opened, an unknown setting,
            missing weights.
    """
    if not isinstance(config, PipelineConfig):
        if isinstance(config, str | Path):
            config = PipelineConfig(detection=DetectorConfig(str(config)))
        elif isinstance(config, DetectorConfig) or config is None:
            config = PipelineConfig(detection=config or DetectorConfig())
        else:
            detector, config = config, PipelineConfig()
    config = config.with_settings(**settings)
    config.check_schedule()
    config.resolved_detection().kind_and_argument()  # checks the text before anything is opened
    if detector is None:
        config = replace(config, appearance_features=config.resolved_appearance())
    opened = provider("open_source")(source) if isinstance(source, str | Path | int) else source_of(source)
    try:
        return _Builder(config, opened.info).pipeline(opened, detector, tracker)
    except BaseException:
        opened.close()
        raise


def compute_of(config: PipelineConfig) -> Compute:
    """The share of the cores that each network of a pipeline gets."""
    finds = NETWORKS.get(config.resolved_detection().kind_and_argument()[0], 1)
    embeds = config.appearance_features.appearance not in ("none", AUTO, OWN)
    recognises = config.recognition.classify != "none"
    masks = bool(config.marks) or config.outlining.outlines
    networks = finds + embeds + config.pointing + masks + config.returning.reid + recognises
    return Compute.shared(networks, config.detection.threads, config.detection.device)


def configured_detector(
    config: PipelineConfig, compute: Compute, given: Detector | Callable[[Frame], Any] | None = None
) -> Detector:
    """The detector that the settings of a pipeline name, with its embeddings where they are wanted; or the given one.

    What the settings keep of detections holds for a given one too.
    """
    detection, appearance = config.resolved_detection(), config.appearance_features.appearance
    if given is not None:
        chosen = (detection.classes, detection.score, detection.nms, detection.names) != ((), None, None, None)
        if not chosen or not callable(given):
            return detector_of(given)
        from tracker.detectors.python_callable import PythonDetector

        return PythonDetector(given, detection)
    kind = detection.kind_and_argument()[0]
    return build_detector(
        detection,
        embeddings=appearance == OWN or (appearance == AUTO and kind in EMBEDDING),
        skip_bad_rows=config.skip_bad_rows,
        compute=compute,
    )


class _Builder:
    """Builds the parts of one pipeline, which share the cores."""

    def __init__(self, config: PipelineConfig, info: SourceInfo) -> None:
        self._config, self._info = config, info
        self._compute = compute_of(config)

    def pipeline(
        self,
        source: Source,
        detector: Detector | Callable[[Frame], Any] | None,
        tracker: InnerTracker | None,
    ) -> Pipeline:
        config = self._config
        found_by = configured_detector(config, self._compute, detector)
        before: list[Stage] = []
        if (embedder := _embedder(config.appearance_features, self._compute)) is not None:
            before.append(EmbedStage(embedder))
        before += camera_motion_stages(config.camera_motion)
        inner = tracker or self._tracker(found_by.names)
        # The stages must not be far ahead of the window in which the user selects objects.
        ahead = 1 if config.select else QUEUE
        schedule = None if config.schedule.every else OnlineSchedule(config.schedule)
        around, after = self._around(inner), self._after()
        return Pipeline(source, found_by, around, before=before, after=after, ahead=ahead, schedule=schedule)

    def _tracker(self, names: tuple[str, ...]) -> InnerTracker:
        from tracker.classification.track_classes import ClassPooling
        from tracker.engine import Tracker

        size = (self._info.width, self._info.height)
        return Tracker(self._config.tracking, classes=ClassPooling(len(names)), size=size)

    def _after(self) -> list[Stage]:
        """The stages after the tracker."""
        config, compute, stages = self._config, self._compute, list[Stage]()
        if config.recognition.classify != "none":
            from tracker.classification.recogniser import build_recogniser

            stages.append(build_recogniser(config.recognition, compute.threads, compute.device))
        if config.outlining.outlines:
            from tracker.masks.outlines import OutlineStage
            from tracker.masks.propagation import MaskPropagator

            followed = MaskPropagator(config.propagation, compute.threads, compute.device, fit_cells=True)
            stages.append(OutlineStage(followed, config.outlining))
        if config.marks:
            from tracker.masks.propagation import MaskPropagator
            from tracker.masks.stage import MaskStage

            stages.append(MaskStage(MaskPropagator(config.propagation, compute.threads, compute.device), config.marks))
        return stages

    def _around(self, tracker: InnerTracker) -> Engine:
        """The tracker with its decorators."""
        config, compute = self._config, self._compute
        if config.returning.reid:
            from tracker.reid.features import ReidFeatures
            from tracker.reid.tracker import ReidTracker

            features = ReidFeatures(compute.threads, compute.device, config.returning.reid_metric)
            tracker = ReidTracker(tracker, features, config.returning)
        if config.pointing:
            from tracker.motion_registry import MOTIONS
            from tracker.single_object.manager import SingleObjectManager, tracker_factory

            motion = MOTIONS[config.tracking.motion](config.tracking)
            tracker = SingleObjectManager(tracker, config.boxes, tracker_factory(compute, motion))
        return tracker


def _embedder(config: AppearanceConfig, compute: Compute) -> Embedder | None:
    """The frozen CNN that the settings name for embeddings, or None where no separate pass is needed.

    Raises:
        ConfigError: an unknown network, or torch is needed for its one export and is not installed.
        WeightsError: the weights cannot be fetched or read.
    """
    if config.appearance in ("none", AUTO, OWN):
        return None
    from tracker.appearance.embedder import FrozenEmbedder

    return FrozenEmbedder(config, compute.threads, compute.device)


def camera_motion_stages(name: CameraMotionName) -> list[Stage]:
    """The stage that estimates the camera's own motion, or no stage.

    Raises:
        ConfigError: an unknown estimator.
    """
    if name == "none":
        return []
    if name not in ("auto", "flow"):
        raise ConfigError(f"there is no camera motion {name!r}; choose auto, flow or none.")
    from tracker.camera_motion import AutoCameraMotion, FlowCameraMotion

    return [CameraMotionStage(AutoCameraMotion() if name == "auto" else FlowCameraMotion())]
