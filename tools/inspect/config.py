"""Settings of `liquidtrack inspect`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.output_guard.guard import Output
from models.errors import ConfigError

SCENE = "scene:1?duration=8&width=320&height=180&rate=20&people=14&camera=all&exposure=0&noise=0"


@dataclass(frozen=True, slots=True)
class InspectConfig:
    """Show what the association head has learned: time constants, what each neuron responds to, which features decide a
    pair.

    Attributes:
        association_head: weights to look into, a file. By default those of the package; clean: those of the package
            that were trained on simulated scenes alone.
        out: output folder. It gets time_constants.png, neurons.png, pairs.png and inspect.json.
        root: MOTChallenge folder with detections that the head runs on. By default a rendered scene.
        scene: rendered scene that the head runs on.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        matches: matches that are looked at, drawn at random.
        pairs: pairs that are looked at, drawn at random.
        seed: seed of the subsampling and of the draws.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    association_head: str = ""
    out: Path = Path("out/inspect")
    root: Path | None = None
    scene: str = SCENE
    profiles: tuple[str, ...] = ("full", "drop70", "bursty")
    matches: int = 4000
    pairs: int = 400
    seed: int = 0
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if min(self.matches, self.pairs) < 2 or not self.profiles:
            raise ConfigError("matches and pairs must be 2 or more, and one profile or more be named.")

    def outputs(self) -> tuple[Output, ...]:
        """The output files."""
        return (Output("--out", self.out, ("time_constants.png", "neurons.png", "pairs.png", "inspect.json")),)


@dataclass(frozen=True, slots=True)
class ModelsConfig:
    """List the networks of the package and those in the cache: task, classes, size, licence, checksum, place.

    Attributes:
        json: print one JSON list instead of a table.
    """

    json: bool = False
