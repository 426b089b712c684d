"""Settings of `liquidtrack bench pipeline`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from tracker.detectors.config import DetectorConfig


@dataclass(frozen=True)
class BenchPipelineConfig:
    """Time each stage of the pipeline alone, then all of them together, on one clip.

    Attributes:
        clip: the video to work on.
        detector: detector, as `track` takes it.
        backbone: frozen CNN of the embeddings, or none.
        motion: motion model.
        frames: number of frames to take.
        rounds: number of measurements. The least of each figure is kept.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    clip: Positional[Path]
    detector: str
    backbone: str = "efficientnet_lite0"
    motion: str = "liquid"
    frames: int = 200
    rounds: int = 3
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.frames < 1 or self.rounds < 1:
            raise ConfigError("frames and rounds must be 1 or more.")
        DetectorConfig(self.detector).kind_and_argument()  # refuses what is no path before anything is read

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
