"""Settings of `liquidtrack identify`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from datasets.sources.config import SourceConfig
from models.errors import ConfigError
from models.runtime.compute import Device


@dataclass(frozen=True)
class IdentifyConfig:
    """Say who of a gallery each track is, and how likely, or that it is nobody of them, by its looks alone.

    Attributes:
        source: the video that was tracked, as `track` takes it.
        tracks: its tracks, in any format that `convert` reads (JSON lines, MOTChallenge text, ...).
        gallery: <name>/<picture> for each one who is known, or <name>.png.
        metric: a metric that `train reid` wrote; without one the bare features are compared.
        views: how many boxes of each track are looked at, spread over its life, the larger and surer ones first.
        probability: a name is said from this probability on, else nobody; 0 to 1.
        best: how many names are listed for each track, with their probabilities.
        threads: CPU threads of the network; 0 takes a fair share of the cores.
        device: where the network runs.
        json: write all probabilities to this file as well.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    source: Positional[str]
    tracks: Positional[Path]
    gallery: Positional[Path]
    metric: Path | None = None
    views: int = 8
    probability: float = 0.8
    best: int = 3
    threads: int = 0
    device: Device = "auto"
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    reading: SourceConfig = field(default_factory=SourceConfig)

    def __post_init__(self) -> None:
        for name in ("views", "best"):
            if not 1 <= getattr(self, name) <= 1000:
                raise ConfigError(f"{name} is {getattr(self, name)}; give 1 to 1000.")
        if not 0 <= self.probability <= 1:
            raise ConfigError(f"probability is {self.probability}; give 0 to 1.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
