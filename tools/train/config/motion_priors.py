"""Settings of `liquidtrack fit motion`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from models.checks.limits import SEEDS, check_ranges
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FitMotionConfig:
    """Fit the constants of the Kalman prior by maximum likelihood, one set for each folder of sequences.

    Attributes:
        roots: folders of sequences. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any, or KITTI's
            label_02.
        runs: runs of frames that are drawn from each folder. Subsampled at random.
        frames: frames in a run.
        seed: seed of the runs and of simulated detections.
    """

    roots: Positional[tuple[Path, ...]]
    runs: int = 120
    frames: int = 40
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.roots:
            raise ConfigError("there is nothing to fit to; name one folder of sequences or more.")
        check_ranges(self, {"runs": (1, 100_000), "frames": (3, 10_000), "seed": SEEDS})
