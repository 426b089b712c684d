"""Settings of `liquidtrack fit reid`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from models.checks.limits import SEEDS, WORKERS, check_ranges


@dataclass(frozen=True, slots=True)
class FitReturnsConfig:
    """Fit the match probabilities of `--reid`: the constants of tracker/reid/matching.py.

    Attributes:
        folder: folder of images: <identity>/<camera>_<number>.png, from two cameras or more.
        metric: metric that `train reid` wrote. Without it the embeddings are compared as they are.
        scenes: scenes of a few identities that are drawn.
        seed: seed of the draws.
        threads: CPU threads of the network. 0 takes a fair share of the cores.
        quiet: show no progress bar.
    """

    folder: Positional[Path]
    metric: Path | None = None
    scenes: int = 100
    seed: int = 0
    threads: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        check_ranges(self, {"scenes": (1, 100_000), "seed": SEEDS, "threads": (0, WORKERS)})
