"""Settings of `liquidtrack bench startup`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchStartupConfig:
    """Time from the start of a command to its answer: --help, and the first tracked frame with ready detections.

    Attributes:
        clip: the video to open.
        rounds: number of starts. The least of each figure is kept.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    clip: Positional[Path]
    rounds: int = 5
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ConfigError(f"rounds is {self.rounds}; give 1 or more.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
