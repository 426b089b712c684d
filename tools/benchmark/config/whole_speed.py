"""Settings of `liquidtrack bench whole-speed`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.seconds import Seconds
from models.errors import ConfigError
from tracker.config import TrackerConfig
from tracker.offline.config import OfflineConfig


@dataclass(frozen=True, slots=True)
class BenchWholeSpeedConfig:
    """Time tracking with the whole video beside online tracking, and its memory, on a long recording.

    Attributes:
        sequence: folder of one sequence, <sequence>/det/det.txt. Its detections are repeated, mirrored and shifted
            until the recording is long and full enough.
        seconds: length of the recording.
        rate: frames per second of the recording.
        objects: mean number of detections in a frame.
        horizon: seconds of future that a decision uses. 0: all of it.
        constraints: number of constraints that are timed, each of which changes the links. 0 leaves them out.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    sequence: Positional[Path]
    seconds: Seconds = 3600.0
    rate: float = 30.0
    objects: int = 20
    horizon: Seconds = 0.0
    constraints: int = 0
    json: Path | None = None
    overwrite: bool = False
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1000 or not 1 <= self.objects <= 1000:
            raise ConfigError("rate must be above 0 and up to 1000 frames per second, objects from 1 to 1000.")
        if not self.seconds * self.rate >= 2 or self.seconds * self.rate > 10_000_000:
            raise ConfigError("seconds times rate must be 2 to 10,000,000 frames.")
        if not self.horizon >= 0:
            raise ConfigError(f"horizon is {self.horizon}; give seconds, 0 for the whole recording.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
