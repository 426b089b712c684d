"""Settings of `liquidtrack simulate driving`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DrawStreetsConfig:
    """Simulate sequences seen from a driving car: MOTChallenge folders of ground truth, to track or to train on.

    Attributes:
        out: output folder. It gets <drive>/gt/gt.txt and <drive>/seqinfo.ini.
        sequences: number of drives.
        seed: seed of the drives. The same seed gives the same drives.
        seconds: seconds of each drive.
        rate: frames a second.
        detections: write simulated detections to det/det.txt too.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    out: Positional[Path]
    sequences: int = 20
    seed: int = 0
    seconds: Seconds = 40.0
    rate: float = 10.0
    detections: bool = False
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.sequences < 1 or self.seed < 0:
            raise ConfigError("sequences must be 1 or more and seed 0 or more.")
        if not 0 < self.rate <= 1000 or not 2 <= self.seconds * self.rate < float("inf"):
            raise ConfigError(
                f"{self.seconds:g} seconds at {self.rate:g} frames a second are no drive; give two frames or more."
            )

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        names = ("gt/gt.txt", "seqinfo.ini", *(("det/det.txt",) if self.detections else ()))
        parts = tuple(f"drive{self.seed:03}-{k:03}/{name}" for k in range(self.sequences) for name in names)
        return (Output("the folder", self.out, parts),)
