"""Settings of `liquidtrack bench live`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import WORKERS, check_ranges
from models.checks.seconds import Seconds
from models.errors import ConfigError

MOST = 16  # cameras that are rendered, which takes memory


@dataclass(frozen=True, slots=True)
class BenchLiveConfig:
    """Live video with a slow detector: frames shown, their delays, and how well the shown boxes fit each frame.

    A rendered scene plays as a camera, in real time. The detector is the scene's truth, delayed. With --sources, that
    many scenes play at once, and one detector looks at all of them.

    Attributes:
        scene: the scene, scene:SEED with settings after a question mark.
        delay: seconds that the detector takes for a frame.
        seconds: seconds of the scene that are played.
        sources: number of cameras that play at once, in the grid window. Each shows the scene of the next seed.
        detector_batch: with --sources, most frames of several cameras in one pass. 0: as many as the detector gains by.
        threads: with --sources, CPU threads of the detector. 0 leaves a share of the cores to the rest.
        show: open a window. Without it, the same images are drawn and not shown.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    scene: Positional[str] = "scene:0?width=640&height=360"
    delay: Seconds = 0.2
    seconds: Seconds = 10.0
    sources: int = 1
    detector_batch: int = 0
    threads: int = 0
    show: bool = False
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.delay) and 0 <= self.delay <= 60):
            raise ConfigError(f"delay is {self.delay}; give 0 to 60 seconds.")
        if not (math.isfinite(self.seconds) and 1 <= self.seconds <= 600):
            raise ConfigError(f"seconds is {self.seconds}; give 1 to 600 seconds.")
        if not 1 <= self.sources <= MOST:
            raise ConfigError(f"sources is {self.sources}; give 1 to {MOST} cameras.")
        if self.detector_batch < 0:
            raise ConfigError(f"detector_batch is {self.detector_batch}; give a number of frames, or 0.")
        check_ranges(self, {"threads": (0, WORKERS)})
        if not self.scene.startswith("scene:"):
            raise ConfigError(f"the scene is {self.scene!r}; give scene:SEED, whose truth is known.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
