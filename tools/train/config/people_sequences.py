"""Settings of `liquidtrack simulate crowds`, `simulate dancers` and `simulate players`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, check_ranges
from models.checks.seconds import Seconds
from models.errors import ConfigError

RATES = (10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 60.0)  # frames a second: those of common cameras


@dataclass(frozen=True, slots=True)
class SimulatePeopleConfig:
    """What the commands that simulate people have in common."""

    out: Positional[Path]
    sequences: int = 20
    seed: int = 0
    seconds: Seconds = 30.0
    rates: tuple[float, ...] = RATES
    detections: bool = False
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        check_ranges(self, {"sequences": (1, 100_000), "seed": SEEDS, "seconds": (0, 3600)})
        if not self.rates or not all(1 <= rate <= 240 for rate in self.rates):
            raise ConfigError("rates must be 1 to 240 frames a second; give one or more.")
        if not self.seconds * min(self.rates) >= 2:
            raise ConfigError(
                f"{self.seconds:g} seconds at {min(self.rates):g} frames a second are no scene; give two frames."
            )

    @property
    def scene(self) -> str:
        """What each folder's name begins with."""
        raise NotImplementedError

    def folder(self, number: int) -> str:
        """The name of a scene's folder."""
        return f"{self.scene}{self.seed:03}-{number:03}"

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        names = ("gt/gt.txt", "seqinfo.ini", "gmc.txt", *(("det/det.txt",) if self.detections else ()))
        parts = tuple(f"{self.folder(k)}/{name}" for k in range(self.sequences) for name in names)
        return (Output("the folder", self.out, parts),)


@dataclass(frozen=True, slots=True)
class SimulateCrowdsConfig(SimulatePeopleConfig):
    """Simulate streets and squares full of people: MOTChallenge folders of ground truth, to track or to train on.

    Attributes:
        out: output folder. It gets <scene>/gt/gt.txt, <scene>/seqinfo.ini, and <scene>/gmc.txt where the camera moves.
        sequences: number of scenes.
        seed: seed of the scenes. The same seed gives the same scenes.
        seconds: seconds of each scene.
        rates: frames a second; each scene draws one of them.
        detections: write simulated detections to det/det.txt too, each scene's by another detector.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    @property
    def scene(self) -> str:
        """What each folder's name begins with."""
        return "crowd"


@dataclass(frozen=True, slots=True)
class SimulateDancersConfig(SimulatePeopleConfig):
    """Simulate dances of a group: MOTChallenge folders of ground truth, to track or to train on.

    Attributes:
        out: output folder. It gets <scene>/gt/gt.txt, <scene>/seqinfo.ini, and <scene>/gmc.txt where the camera moves.
        sequences: number of scenes.
        seed: seed of the scenes. The same seed gives the same scenes.
        seconds: seconds of each scene.
        rates: frames a second; each scene draws one of them.
        detections: write simulated detections to det/det.txt too, each scene's by another detector.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    @property
    def scene(self) -> str:
        """What each folder's name begins with."""
        return "dance"


@dataclass(frozen=True, slots=True)
class SimulatePlayersConfig(SimulatePeopleConfig):
    """Simulate team games: MOTChallenge folders of ground truth, to track or to train on.

    Attributes:
        out: output folder. It gets <scene>/gt/gt.txt, <scene>/seqinfo.ini, and <scene>/gmc.txt where the camera moves.
        sequences: number of scenes.
        seed: seed of the scenes. The same seed gives the same scenes.
        seconds: seconds of each scene.
        rates: frames a second; each scene draws one of them.
        detections: write simulated detections to det/det.txt too, each scene's by another detector.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    @property
    def scene(self) -> str:
        """What each folder's name begins with."""
        return "game"
