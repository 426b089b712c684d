"""Settings of `liquidtrack bench motion`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchMotionConfig:
    """Score what a motion foresees, without association: each object is told its own detections and no others.

    Attributes:
        roots: folders of <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any, or KITTI's label_02.
        motions: kalman, liquid, or liquid:FILE for other weights; liquid-adapt, which learns each sequence's spread on
            the way; as controls still, constant-velocity, and kalman-t, whose intervals are those of the Student-t that
            the filter was fitted under.
        profiles: how frames are left out.
        frames: horizons in frames of the source after an update.
        seconds: horizons in seconds after an update; the frame nearest to that time is asked for.
        ask_every: updates of the table between two rounds of questions at the horizons; 1 asks after each.
        boxes: what a sequence without detections is seen by: its true boxes, or simulated detections.
        camera_motion: use gmc.txt where there is one.
        draw_seed: of the thinning and of simulated detections.
        json: write the figures here too, also by coordinate.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    roots: Positional[tuple[Path, ...]]
    motions: tuple[str, ...] = ("kalman", "liquid", "still", "constant-velocity")
    profiles: tuple[str, ...] = ("full", "drop70", "stride5", "jitter", "bursty")
    frames: tuple[int, ...] = (1, 2, 5, 10, 20)
    seconds: tuple[Seconds, ...] = (0.1, 0.2, 0.5, 1.0, 2.0)
    ask_every: int = 4
    boxes: Literal["true", "simulated"] = "true"
    camera_motion: bool = True
    draw_seed: int = 0
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if not self.roots or not self.motions or not self.profiles:
            raise ConfigError("bench motion needs a folder, a motion and a profile; name at least one of each.")
        if self.ask_every < 1 or min(self.frames, default=1) < 1:
            raise ConfigError("ask_every and horizons in frames must be 1 or more.")
        if not all(0 < value <= 3600 for value in self.seconds):
            raise ConfigError("horizons in seconds must be above 0, up to 3600.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
