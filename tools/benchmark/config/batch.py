"""Settings of `liquidtrack bench batch`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import WORKERS, check_ranges
from models.errors import ConfigError
from tracker.detectors.config import DEFAULT, DetectorConfig
from tracker.schedule.config import LooksConfig


@dataclass(frozen=True, slots=True)
class BenchBatchConfig:
    """Time many short recordings: in several processes, and in one process with all threads.

    Each line is a size of the video, a detector and a share of looks. Both ways take turns, and the least of each
    figure is kept. CPU seconds count all threads; they hardly depend on what else the machine does.

    Attributes:
        clip: the video that the recordings are cut from. By default a rendered street.
        rate: frames a second of a clip without times, such as a folder of images.
        heights: heights of the recordings, pixels. 0 keeps that of the clip.
        detectors: detectors, as `track` takes them.
        looks: which frames the detector works on, as `track` takes it.
        count: number of recordings of each size.
        seconds: length of each.
        video: also write the drawn video of each.
        workers: number of processes. 0: as many as `batch` takes.
        compare: measure one process with all threads too.
        rounds: number of measurements of each way.
        overhead: number of empty tasks by which the work of the engines themselves is measured; 0 leaves that out.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    clip: Path | None = None
    rate: float | None = None
    heights: tuple[int, ...] = (480,)
    detectors: tuple[str, ...] = (DEFAULT,)
    looks: tuple[str, ...] = ("all",)
    count: int = 6
    seconds: float = 4.0
    video: bool = False
    workers: int = 0
    compare: bool = True
    rounds: int = 1
    overhead: int = 0
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_ranges(
            self,
            {
                "count": (1, 100_000),
                "seconds": (0.1, 86_400.0),
                "workers": (0, WORKERS),
                "rounds": (1, 1000),
                "overhead": (0, 10**6),
            },
        )
        if not (self.heights and self.detectors and self.looks):
            raise ConfigError("give at least one of each: --heights, --detectors and --looks.")
        if any(height and not 16 <= height <= 4320 for height in self.heights):
            raise ConfigError(f"heights are {self.heights}; give 16 to 4320 pixels, or 0 for that of the clip.")
        for detector in self.detectors:
            DetectorConfig(detector).kind_and_argument()
        for looks in self.looks:
            LooksConfig(looks)

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
