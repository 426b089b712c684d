"""Settings of `liquidtrack bench detection`. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchDetectorConfig:
    """Time detector networks beside the frozen CNN alone, in turns, with one thread, as ratios to it.

    With --by-name it times whole detectors, from the image to the detections, as ratios to the first of them.

    Attributes:
        detectors: ONNX files of our detector family. With any image size; by default the detector of the package.
        sizes: image sizes to time, WIDTHxHEIGHT, multiples of 32.
        by_name: detectors as --detector names them, in place of the networks alone. They look at --image.
        image: image for the detectors of --by-name.
        rounds: number of runs of each. The median counts.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    detectors: Positional[tuple[Path, ...]] = ()
    sizes: tuple[str, ...] = ("416x416", "640x384")
    by_name: tuple[str, ...] = ()
    image: Path | None = None
    rounds: int = 30
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ConfigError(f"rounds is {self.rounds}; give 1 or more.")
        if bool(self.by_name) != (self.image is not None):
            raise ConfigError("by_name and image go together: name the detectors, and the image that they look at.")
        if self.by_name and self.detectors:
            raise ConfigError(f"by_name leaves no place for {self.detectors[0]}; name it behind --by-name.")
        for size in self.sizes:
            sides = [int(side) for side in size.split("x")] if re.fullmatch(r"\d+x\d+", size) else []
            if not sides or any(side < 32 or side % 32 for side in sides):
                raise ConfigError(f"sizes has {size!r}; write WIDTHxHEIGHT in multiples of 32, as 640x384.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
