"""Settings of `liquidtrack train association`. Standard library only."""

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
    """Train the association head on its own roll-outs over ground truth. A stopped training resumes.

    Attributes:
        roots: folders of sequences. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any, or KITTI's
            label_02.
        projects: corrected projects (.liquidtrack). Accepted tracks and boxes that were drawn or confirmed are the
            truth; nothing is learned from the rest.
        out: output folder. It gets head.safetensors, checkpoint.pt and curve.csv.
        rollouts: rounds of rolling out and training. Each trains on all clips that were rolled out so far.
        clips: training clips that are rolled out in each round.
        steps: training steps in each round.
        batch: clips in a training step.
        learning_rate: largest learning rate.
        data_seed: seed of clips, noise and batches.
        workers: processes that roll out.
        init_weights: weights to start from. The head must be as the options of the network describe it; none: random
            weights.
        reset_cell: start with a new cell, and take all other weights from --init-weights. The cell may be of another
            kind then.
        average_with: head whose weights are averaged with the result. Such as the one to start from: it learns what is
            new and keeps what it knew (Wortsman et al., CVPR 2022).
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]] = ()
    out: Path = Path("out/head")
    rollouts: int = 3
    clips: int = 2000
    steps: int = 2000
    batch: int = 16
    learning_rate: float = 2e-3
    data_seed: int = 0
    workers: int = 2
    init_weights: Path | None = None
    reset_cell: bool = False
    average_with: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    model: HeadConfig = field(default_factory=HeadConfig)
    projects: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        sizes = {"rollouts": 100, "clips": 1_000_000, "steps": 10_000_000, "batch": 4096, "workers": WORKERS}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()} | {"data_seed": SEEDS})
        check_rate(self.learning_rate)
        if not self.roots and not self.projects:
            raise ConfigError("there is nothing to learn from; name one folder of sequences or more, or --projects.")
        if self.reset_cell and self.init_weights is None:
            raise ConfigError("reset_cell takes all but the cell from other weights; name them with --init-weights.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return (Output("--out", self.out, ("head.safetensors", "checkpoint.pt", "curve.csv"), resumes="checkpoint.pt"),)
