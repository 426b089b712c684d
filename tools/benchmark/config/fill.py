"""Settings of `liquidtrack bench fill`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchFillConfig:
    """Fill the frames between two sightings of an object, and compare with the truth: straight lines and smoothing.

    Attributes:
        roots: folders of sequences. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any, or KITTI's
            label_02.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        boxes: boxes of the frames that are kept. true: the true boxes; simulated: simulated detections; detected: real
            detections, assigned by the truth.
        max_absence: longest gap that is filled.
        camera_motion: use gmc.txt where there is one.
        seed: seed of the subsampling and of simulated detections.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]]
    profiles: tuple[str, ...] = ("stride5", "stride10", "drop70")
    boxes: Literal["true", "simulated", "detected"] = "true"
    max_absence: Seconds = 3.0
    camera_motion: bool = True
    seed: int = 0
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if not self.roots or not self.profiles:
            raise ConfigError("bench fill needs a folder and a profile; name at least one of each.")
        if not 0 < self.max_absence <= 3600:
            raise ConfigError("max_absence must be above 0, up to 3600 seconds.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
