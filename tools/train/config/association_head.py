"""Settings of `liquidtrack train head`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.association_head.config import HeadConfig
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TrainHeadConfig:
    """Train the liquid head on its own roll-outs over folders of truth; resumes where it was stopped.

    Attributes:
        roots: folders of <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any, or KITTI's label_02.
        out: gets head.safetensors, checkpoint.pt, curve.csv.
        rollouts: rounds of rolling out and training on all that was rolled out so far.
        clips: rolled out in each round.
        steps: of training in each round.
        batch: clips a step.
        rate: largest learning rate.
        data_seed: of clips, noise and batches.
        workers: processes that roll out.
        start: weights to go on from, of a head as `model` describes; none: from the beginning.
        renew_cell: begin the cell anew and take all else from `start`, whose cell may be of another kind then.
        blend: a head whose weights the result is averaged with, such as the one to start from: it learns what is new
            and keeps what it knew (Wortsman et al., CVPR 2022).
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    roots: Positional[tuple[Path, ...]]
    out: Path = Path("out/head")
    rollouts: int = 3
    clips: int = 2000
    steps: int = 2000
    batch: int = 16
    rate: float = 2e-3
    data_seed: int = 0
    workers: int = 2
    start: Path | None = None
    renew_cell: bool = False
    blend: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    model: HeadConfig = field(default_factory=HeadConfig)

    def __post_init__(self) -> None:
        sizes = {"rollouts": 100, "clips": 1_000_000, "steps": 10_000_000, "batch": 4096, "workers": WORKERS}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()} | {"data_seed": SEEDS})
        check_rate(self.rate)
        if not self.roots:
            raise ConfigError("there is nothing to learn from; name one folder of sequences or more.")
        if self.renew_cell and self.start is None:
            raise ConfigError("renew_cell takes all but the cell from other weights; name them with --start.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return (Output("--out", self.out, ("head.safetensors", "checkpoint.pt", "curve.csv"), resumes="checkpoint.pt"),)
