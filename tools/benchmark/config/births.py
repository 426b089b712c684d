"""Settings of `liquidtrack bench births`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import SEEDS, WORKERS, check_ranges
from models.errors import ConfigError
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig


@dataclass(frozen=True, slots=True)
class BenchBirthsConfig:
    """Measure whether the objects that a detector finds are tracked, and how many false tracks that costs.

    Of the objects that the detector finds in at least half of their frames, the share is counted that has a track soon
    after the fifth sight. The same is measured with births by score alone (--birth-probability 1).

    Attributes:
        davis: folders of sequences with masks and pictures in DAVIS's layout.
        sot: folders of single-object sequences (OTB, VOT).
        pictures: folders of pictures with COCO boxes; each picture becomes a short video of a simulated camera.
        detectors: what finds the objects, as --detector of track.
        profiles: how frames are left out: full, strideN, drop70, jitter, bursty.
        seed: of the simulated cameras and of the frames that are left out.
        frames: length of a picture's video.
        rate: frames a second of all videos.
        least_area: smaller objects are not counted, as a share of the picture's area.
        every: take only every n-th picture of the folders of pictures.
        threads: CPU threads of each network; 0 divides the cores by the workers.
        workers: processes; 0 means one for each core.
        json: write all figures, and each object that the detector finds, to this file.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    davis: tuple[Path, ...] = ()
    sot: tuple[Path, ...] = ()
    pictures: tuple[Path, ...] = ()
    detectors: tuple[str, ...] = ("lite0",)
    profiles: tuple[str, ...] = ("full",)
    seed: int = 0
    frames: int = 40
    rate: float = 25.0
    least_area: float = 0.03
    every: int = 1
    threads: int = 0
    workers: int = 0
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    tracking: TrackerConfig = field(default_factory=TrackerConfig)

    def __post_init__(self) -> None:
        check_ranges(
            self,
            {"frames": (1, 100_000), "rate": (0.001, 1000.0), "least_area": (0.0, 0.99), "every": (1, 1_000_000)}
            | {"seed": SEEDS, "threads": (0, WORKERS), "workers": (0, WORKERS)},
        )
        if not (self.davis or self.sot or self.pictures):
            raise ConfigError("bench births has nothing to look at; give --davis, --sot or --pictures.")
        if not self.detectors or not self.profiles:
            raise ConfigError("bench births needs a detector and a profile; name at least one of each.")
        for name in self.detectors:
            kind = DetectorConfig(detector=name).kind_and_argument()[0]
            if kind in ("file", "none"):
                raise ConfigError(f"{name} knows one video at most and bench births has many; name another detector.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
