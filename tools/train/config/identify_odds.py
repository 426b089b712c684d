"""Settings of `liquidtrack fit identify`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from models.errors import ConfigError


@dataclass(frozen=True)
class FitIdentifyConfig:
    """Fit the probabilities of `identify` on the even identities of a folder, and report them on the odd ones.

    Attributes:
        folder: folder of images: <identity>/<camera>_<number>.png, from two cameras.
        metric: metric that `train reid` wrote. One of the even identities alone.
        scenes: galleries with tracks that are drawn from each half.
        seed: seed of the draws of galleries and tracks.
        threads: CPU threads of the network. 0 takes a fair share of the cores.
        quiet: show no progress bar.
    """

    folder: Positional[Path]
    metric: Path | None = None
    scenes: int = 400
    seed: int = 1
    threads: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.scenes <= 100_000:
            raise ConfigError(f"scenes is {self.scenes}; give 1 to 100000.")
        if self.seed < 0:
            raise ConfigError(f"seed is {self.seed}; give 0 or more.")
