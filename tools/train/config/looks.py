"""Settings of `liquidtrack fit looks`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from models.checks.limits import SEEDS, check_ranges
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class FitLooksConfig:
    """Fit how much one more look saves, from runs with and without it. Use training sequences.

    Attributes:
        roots: folders of sequences. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any, or KITTI's
            label_02. Each folder counts the same.
        runs: runs over each folder, with other looks each time.
        sequences: sequences of each folder that are used, evenly chosen.
        longest: longest interval between two looks, frames.
        seed: seed of the looks and of simulated detections.
    """

    roots: Positional[tuple[Path, ...]]
    runs: int = 2
    sequences: int = 9
    longest: int = 9
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.roots:
            raise ConfigError("there is nothing to fit to; name one folder of sequences or more.")
        check_ranges(self, {"runs": (1, 1000), "sequences": (1, 100_000), "longest": (2, 1000), "seed": SEEDS})
