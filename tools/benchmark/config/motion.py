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
    """Evaluate motion forecasts without association: accuracy, and calibration of the predicted intervals.

    Attributes:
        roots: folders of sequences. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any, or KITTI's
            label_02.
        motions: motion models to score. kalman, liquid, or liquid:FILE for other weights; liquid-adapt calibrates its
            spread online; baselines: still, constant-velocity, and kalman-t, with the intervals of the Student-t
            distribution that the filter was fitted under.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        frames: forecast horizons, frames of the source after an update.
        seconds: forecast horizons after an update. The frame nearest to that time is scored.
        ask_every: updates between two rounds of forecasts. 1 forecasts after each.
        boxes: boxes of sequences without detections. true: the true boxes; simulated: simulated detections.
        camera_motion: use gmc.txt where there is one.
        seed: seed of the subsampling and of simulated detections.
        json: write all figures, also by coordinate, to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]]
    motions: tuple[str, ...] = ("kalman", "liquid", "still", "constant-velocity")
    profiles: tuple[str, ...] = ("full", "drop70", "stride5", "jitter", "bursty")
    frames: tuple[int, ...] = (1, 2, 5, 10, 20)
    seconds: tuple[Seconds, ...] = (0.1, 0.2, 0.5, 1.0, 2.0)
    ask_every: int = 4
    boxes: Literal["true", "simulated"] = "true"
    camera_motion: bool = True
    seed: int = 0
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
