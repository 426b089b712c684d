"""Settings of `liquidtrack bench births`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import SEEDS, WORKERS, check_ranges
from models.errors import ConfigError
from tracker.config import TrackerConfig
from tracker.detectors.config import DEFAULT, DetectorConfig


@dataclass(frozen=True, slots=True)
class BenchBirthsConfig:
    """Measure how many detected objects are tracked, and how many false tracks that costs.

    Of the objects that are detected in at least half of their frames, the share is counted that has a track soon
    after the fifth detection. The same is measured with tracks that start by score alone (--new-track-probability
    1).

    Attributes:
        davis: folders of sequences with masks and images, as in DAVIS.
        sot: folders of single-object sequences (OTB, VOT).
        images: folders of images with COCO boxes. Each image becomes a short video of a simulated camera.
        detectors: detectors, as --detector of `track` takes them.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        seed: seed of the simulated cameras and of the subsampling.
        frames: frames of the video of one image.
        rate: frames a second of all videos.
        min_area: smallest object that counts, as a share of the image area.
        every: take only every n-th image of the folders of images.
        threads: CPU threads of each network. 0 divides the cores by the workers.
        workers: number of processes. 0 means one for each core.
        json: write all figures, and each detected object, to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    davis: tuple[Path, ...] = ()
    sot: tuple[Path, ...] = ()
    images: tuple[Path, ...] = ()
    detectors: tuple[str, ...] = (DEFAULT,)
    profiles: tuple[str, ...] = ("full",)
    seed: int = 0
    frames: int = 40
    rate: float = 25.0
    min_area: float = 0.03
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
            {"frames": (1, 100_000), "rate": (0.001, 1000.0), "min_area": (0.0, 0.99), "every": (1, 1_000_000)}
            | {"seed": SEEDS, "threads": (0, WORKERS), "workers": (0, WORKERS)},
        )
        if not (self.davis or self.sot or self.images):
            raise ConfigError("bench births has nothing to look at; give --davis, --sot or --images.")
        if not self.detectors or not self.profiles:
            raise ConfigError("bench births needs a detector and a profile; name at least one of each.")
        for name in self.detectors:
            kind = DetectorConfig(detector=name).kind_and_argument()[0]
            if kind in ("file", "none"):
                raise ConfigError(f"{name} knows one video at most and bench births has many; name another detector.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
