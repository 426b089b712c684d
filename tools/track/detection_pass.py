"""The first reading of `track --whole`: detections, embeddings and camera motion of every frame, with no tracking."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from datasets.formats.detection_cache import MemoryCache, Store
from datasets.formats.detection_chunk import DetectedFrame, rounded
from models.errors import DataError
from tools.track.config.video import TrackConfig
from tools.track.progress import progress
from tracker.pipeline.build import build_pipeline
from tracker.pipeline.config import PipelineConfig
from tracker.pipeline.loop import Pipeline
from tracker.pipeline.stages import DetectStage
from tracker.protocols import Detector, Source, SourceInfo
from tracker.types import Detections, Float64, Frame, Tracks

Take = Callable[[DetectedFrame, Frame], None]


def detection_settings(config: TrackConfig) -> PipelineConfig:
    """The pipeline of a first reading."""
    return PipelineConfig(
        camera_motion=config.camera_motion,
        skip_bad_rows=config.skip_bad_rows,
        detection=config.detection,
        appearance_features=config.appearance_features,
    )


class _Collector:
    """In the place of the tracker: keeps what the stages before it found, and tracks nothing."""

    def __init__(self, before: Iterator[DetectedFrame]) -> None:
        self.found: deque[DetectedFrame] = deque()
        self._before = _ByIndex(before)

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        return names

    def update(
        self, detections: Detections, time: float, warp: Float64 | None = None, frame: Frame | None = None
    ) -> Tracks:
        assert frame is not None
        known = self._before(frame.index)
        self.found.append(known or DetectedFrame(frame.index, time, rounded(detections), warp))
        return Tracks.empty()

    def new_id(self) -> int:
        raise NotImplementedError("nothing is tracked in the first reading")


class _ByIndex:
    """Frames of an unfinished cache by their number, asked in rising order."""

    def __init__(self, frames: Iterator[DetectedFrame]) -> None:
        self._frames = frames
        self._next = next(frames, None)

    def __call__(self, index: int) -> DetectedFrame | None:
        while self._next is not None and self._next.index < index:
            self._next = next(self._frames, None)
        found = self._next
        return found if found is not None and found.index == index else None


class _KnownDetections:
    """A detector that does not run on frames of an unfinished cache."""

    def __init__(self, before: Iterator[DetectedFrame], detector: Detector) -> None:
        self.names = detector.names
        self._before, self._detector = _ByIndex(before), detector

    def __call__(self, frame: Frame) -> Detections:
        known = self._before(frame.index)
        return self._detector(frame) if known is None else known.detections


class DetectionPass:
    """A pipeline up to the tracker, and the sink at its end.

    Args:
        config: the settings.
        source: the source.
        before: the unfinished cache of this source, whose frames are not detected again.
        take: called for each frame in order, in the thread of the caller.

    Attributes:
        pipeline: run it with this object as its sink.
        detector: the detector.
    """

    def __init__(self, config: PipelineConfig, source: Source, before: MemoryCache | None, take: Take) -> None:
        self._collector = _Collector(iter(()) if before is None else before.frames())
        self.pipeline: Pipeline = build_pipeline(config, source=source, tracker=self._collector)
        self.detector = self.pipeline.detector
        self._take = take
        stage = self.pipeline.find(DetectStage)
        if before is not None and stage is not None:
            stage.detector = _KnownDetections(before.frames(), stage.detector)

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Nothing to open."""

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Passes on what was found in the frame."""
        self._take(self._collector.found.popleft(), frame)

    def close(self) -> None:
        """Nothing to close."""


def detect(config: TrackConfig) -> MemoryCache:
    """The detections of every frame of a recording, with embeddings and camera motion as the settings say.

    Raises:
        DataError: the source cannot be read, or is live.
        ConfigError: the detector cannot be built.
    """
    from datasets.source_factory import open_source

    store = Store()

    def keep(found: DetectedFrame, frame: Frame) -> None:
        store.add(found)

    with open_source(config.source, config.reading) as source:
        if source.info.live:
            raise DataError(f"{config.source}: is live; record it first, and name the file.")
        detecting = DetectionPass(detection_settings(config), source, None, keep)
        with progress(source.info, config.reading, config.quiet, "detecting") as tell:
            detecting.pipeline.run([detecting], progress=tell)
        return store.close(detecting.detector.names, (source.info.width, source.info.height), True)
