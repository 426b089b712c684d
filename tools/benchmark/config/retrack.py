"""Settings of `liquidtrack bench retrack`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import SEEDS, WORKERS, check_ranges
from models.checks.seconds import Seconds
from models.errors import ConfigError
from tracker.detectors.config import DEFAULT, DetectorConfig


@dataclass(frozen=True, slots=True)
class BenchRetrackConfig:
    """Follow objects between two of their true boxes, and compare the boxes between with the truth.

    Compared are a straight line between the two boxes, the smoother, the run forwards from the first box, and both
    runs blended, each with and without detections.

    Attributes:
        sources: folders in the MOTChallenge's form with gt/gt.txt, det/det.txt, and img1 or one video file; or rendered
            scenes, scene:SEED?people=8&profile=bursty.
        gaps: seconds between the two true boxes.
        objects: pairs of true boxes for each source and gap, at most; two of one object at most.
        part: which half of each source is looked at. Sources of less than 20 seconds are looked at as a whole.
        detector: detector of the rendered scenes; folders bring their own detections.
        visible: least visible share of the object in both boxes.
        max_lost: longest absence. An object that is not found for longer is given up.
        camera: how the camera's own motion is taken out. flow: as gmc.txt says, else from the pixels; given: only as
            gmc.txt says.
        seed: seed of the choice of objects.
        threads: CPU threads of each network. 0 takes all cores.
        json: write all figures, and those of each pair of boxes, to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    sources: Positional[tuple[str, ...]]
    gaps: tuple[Seconds, ...] = (1.0, 2.0, 4.0)
    objects: int = 10
    part: Literal["all", "first", "second"] = "all"
    detector: str = DEFAULT
    visible: float = 0.5
    max_lost: Seconds = 1.5
    camera: Literal["given", "flow", "none"] = "flow"
    seed: int = 0
    threads: int = 0
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        check_ranges(
            self,
            {"objects": (1, 100_000), "visible": (0.0, 1.0), "max_lost": (0.001, 3600.0)}
            | {"seed": SEEDS, "threads": (0, WORKERS)},
        )
        if not self.sources or not self.gaps:
            raise ConfigError("bench retrack needs a source and a gap; name at least one of each.")
        if not all(0 < gap <= 3600 for gap in self.gaps):
            raise ConfigError("gaps must be above 0, up to 3600 seconds.")
        kind = DetectorConfig(detector=self.detector).kind_and_argument()[0]
        if kind in ("file", "none"):
            raise ConfigError(f"{self.detector} knows one video at most; name another detector.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
