"""Settings of `liquidtrack bench annotate-speed`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchAnnotateSpeedConfig:
    """Measure the annotation page in a headless browser: opening, stepping, seeking, an operation, the server's memory.

    Attributes:
        out: folder of the rendered film and its project. What is there already is used again.
        hours: length of the film, 30 frames a second.
        tracks: number of tracks, each with a box in every frame.
        width: of the film, pixels.
        height: of the film, pixels.
        key_distance: frames from one key frame of the film to the next.
        steps: number of steps forwards, and backwards.
        seeks: number of jumps to random frames.
        browser: the browser's program. By default Chromium where it is found.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    out: Positional[Path]
    hours: float = 2.0
    tracks: int = 200
    width: int = 1920
    height: int = 1080
    key_distance: int = 250
    steps: int = 40
    seeks: int = 30
    browser: Path | None = None
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        for name in ("tracks", "key_distance", "steps", "seeks"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give 1 or more.")
        if not 0 < self.hours <= 24:
            raise ConfigError(f"hours is {self.hours}; give more than 0, and 24 at most.")
        if min(self.width, self.height) < 64 or self.width % 2 or self.height % 2:
            raise ConfigError(f"the film has {self.width} x {self.height} pixels; give even numbers from 64 on.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
