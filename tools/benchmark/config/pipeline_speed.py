"""Settings of `liquidtrack bench pipeline`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError


@dataclass(frozen=True)
class BenchPipelineConfig:
    """Time each stage of the pipeline alone, then all of them together, on one clip.

    Attributes:
        clip: the video to work on.
        network: the detector, as `--detector` takes it.
        backbone: the frozen CNN for the features, or none.
        motion: the tracker's motion model.
        frames: how many frames to take.
        rounds: how often to measure everything; the least of each figure is kept.
        json: write the figures here too.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
    """

    clip: Positional[Path]
    network: str
    backbone: str = "efficientnet_lite0"
    motion: str = "liquid"
    frames: int = 200
    rounds: int = 3
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.frames < 1 or self.rounds < 1:
            raise ConfigError("frames and rounds must be 1 or more.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
