"""The pipelines of several live sources: one detector for all, and everything else for each."""

from __future__ import annotations

from dataclasses import replace

from models.errors import ConfigError
from tracker.detectors.config import DetectorConfig
from tracker.pipeline.build import build_pipeline, compute_of, configured_detector
from tracker.pipeline.config import PipelineConfig
from tracker.pipeline.loop import Pipeline
from tracker.pipeline.shared_detector import SharedDetector
from tracker.protocols import LiveSource

OWN_MEMORY = ("background",)  # detectors that remember what one source has shown: each source gets its own


class CameraPipelines:
    """Builds the pipeline of each source. Close it after all of them have run.

    Args:
        config: the settings of every source.
        batch: most frames of several sources in one pass of the detector; 0: as many as it gains by.

    Raises:
        LiquidTrackError: the detector cannot be had, belongs to one source, or takes no such batch.
    """

    def __init__(self, config: PipelineConfig, batch: int = 0) -> None:
        kind, argument = config.resolved_detection().kind_and_argument()
        if kind == "file":
            raise ConfigError(f"{argument} holds the detections of one source; give a detector that looks at frames.")
        if config.pointing or config.marks:
            raise ConfigError("an object is marked in one source; track that one by itself.")
        if not config.schedule.every:
            raise ConfigError("a shared detector looks whenever it is free; leave looks out, or track one source.")
        self._shared: SharedDetector | None = None
        self._config = config
        if kind in OWN_MEMORY:
            if batch > 1:
                raise ConfigError(f"detector {kind} looks at one frame at a time; leave the batch of {batch} out.")
            self.names = configured_detector(config, compute_of(config)).names
            return
        self._shared = SharedDetector(configured_detector(config, compute_of(config)), batch)
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
