"""Settings of `liquidtrack inspect`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.output_guard.guard import Output
from models.errors import ConfigError

SCENE = "scene:1?duration=8&width=320&height=180&rate=20&people=14&camera=all&exposure=0&noise=0"


@dataclass(frozen=True, slots=True)
class InspectConfig:
    """Look inside the liquid head: its time constants, what each neuron answers to, which features decide a pair.

    Attributes:
        head: weights to look into; empty for those of the package.
        out: gets time_constants.png, neurons.png, pairs.png and inspect.json.
        root: a MOTChallenge folder with detections that the head is watched on; by default the scene.
        scene: rendered scene that it is watched on where there is no root.
        profiles: how frames are left out while it is watched.
        matches: at most so many are looked at, drawn by chance.
        pairs: the same of pairs.
        draw_seed: of the thinning and of what is looked at.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    head: str = ""
    out: Path = Path("out/inspect")
    root: Path | None = None
    scene: str = SCENE
    profiles: tuple[str, ...] = ("full", "drop70", "bursty")
    matches: int = 4000
    pairs: int = 400
    draw_seed: int = 0
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if min(self.matches, self.pairs) < 2 or not self.profiles:
            raise ConfigError("matches and pairs must be 2 or more, and one profile or more be named.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return (Output("--out", self.out, ("time_constants.png", "neurons.png", "pairs.png", "inspect.json")),)
