"""The pipelines of several live sources: one detector for all, and everything else for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from models.errors import ConfigError
from tracker.detectors.config import DetectorConfig
from tracker.pipeline.build import build_pipeline, compute_of, configured_detector
from tracker.pipeline.config import PipelineConfig
from tracker.pipeline.loop import Pipeline
from tracker.pipeline.shared_detector import SharedDetector
from tracker.protocols import Detector, LiveSource
from tracker.types import Frame

OWN_MEMORY = ("background",)  # detectors that remember what one source has shown: each source gets its own


class CameraPipelines:
    """Builds the pipeline of each source. Close it after all of them have run.

    Args:
        config: the settings of every source.
        batch: most frames of several sources in one pass of the detector; 0: as many as it gains by.
        detector: a detector in place of the one that the settings name; it gets frames of all sources.

    Raises:
        LiquidTrackError: the detector cannot be had, belongs to one source, or takes no such batch.
    """

    def __init__(
        self,
        config: PipelineConfig,
        batch: int = 0,
        detector: Detector | Callable[[Frame], Any] | None = None,
    ) -> None:
        kind, argument = config.resolved_detection().kind_and_argument()
        if kind == "file":
            raise ConfigError(f"{argument} holds the detections of one source; give a detector that looks at frames.")
        if config.pointing or config.marks:
            raise ConfigError("an object is marked in one source; track that one by itself.")
        if not config.schedule.every:
            raise ConfigError("a shared detector looks whenever it is free; leave looks out, or track one source.")
        if detector is None:
            config = replace(config, appearance_features=config.resolved_appearance())
        self._shared: SharedDetector | None = None
        self._config = config
        if detector is None and kind in OWN_MEMORY:
            if batch > 1:
                raise ConfigError(f"detector {kind} looks at one frame at a time; leave the batch of {batch} out.")
            self.names = configured_detector(config, compute_of(config)).names
            return
        self._shared = SharedDetector(configured_detector(config, compute_of(config), detector), batch)
        self.names = self._shared.names
        compute = DetectorConfig(threads=config.detection.threads, device=config.detection.device)
        self._config = replace(config, detection=compute)  # what it keeps was chosen in the shared one

    def pipeline(self, source: LiveSource) -> Pipeline:
        """The pipeline of one more source, for `run_live`."""
        share = None if self._shared is None else self._shared.share()
        return build_pipeline(self._config, source=source, detector=share)

    def failed(self) -> bool:
        """Whether the detector of all has failed."""
        return self._shared is not None and self._shared.failed

    def close(self) -> None:
        """Ends the detector."""
        if self._shared is not None:
            self._shared.close()
