"""Settings of `liquidtrack train association`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

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
        detectors: errors of simulated detectors. fitted: those of the folders' own detections, else of MOT17's; wide:
            from wide ranges, fitted to nothing, also where a folder has detections.
        workers: processes that roll out.
        init_weights: weights to start from. The head must be as the options of the network describe it; none: random
            weights.
        reset_cell: start with a new cell, and take all other weights from --init-weights. The cell may be of another
            kind then.
        average_with: head whose weights are averaged with the result. Such as the one to start from: it learns what is
            new and keeps what it knew (Wortsman et al., CVPR 2022).
        grow: neurons of the cell that the head may grow to, from --units on. 0: it does not grow. Neurons are added
            when the loss stalls on sequences that are held out, a tenth of them; they do not change what the head says
            at that moment.
        grow_step: neurons that are added at once.
        grow_hidden: hidden units of the pair network that it grows to, in the same steps. 0: none are added.
        grow_patience: checkpoints, one in 50 steps, without a lower held-out loss before the head grows.
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
    detectors: Literal["fitted", "wide"] = "fitted"
    workers: int = 2
    init_weights: Path | None = None
    reset_cell: bool = False
    average_with: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    model: HeadConfig = field(default_factory=HeadConfig)
    projects: tuple[Path, ...] = ()
    grow: int = 0
    grow_step: int = 8
    grow_hidden: int = 0
    grow_patience: int = 4

    def __post_init__(self) -> None:
        sizes = {"rollouts": 100, "clips": 1_000_000, "steps": 10_000_000, "batch": 4096, "workers": WORKERS}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()} | {"data_seed": SEEDS})
        check_ranges(self, {"grow": (0, 1024), "grow_step": (1, 1024), "grow_hidden": (0, 4096)})
        check_ranges(self, {"grow_patience": (1, 10_000)})
        check_rate(self.learning_rate)
        if self.grow or self.grow_hidden:
            self._check_growth()
        if not self.roots and not self.projects:
            raise ConfigError("there is nothing to learn from; name one folder of sequences or more, or --projects.")
        if self.reset_cell and self.init_weights is None:
            raise ConfigError("reset_cell takes all but the cell from other weights; name them with --init-weights.")

    def _check_growth(self) -> None:
        if not self.grow:
            raise ConfigError(f"grow_hidden is {self.grow_hidden}; give --grow too, with whose neurons they are added.")
        if self.grow <= self.model.units:
            raise ConfigError(f"grow is {self.grow}; give more neurons than --units {self.model.units}, or 0.")
        if self.grow_hidden and self.grow_hidden < self.model.hidden:
            raise ConfigError(f"grow_hidden is {self.grow_hidden}; give --hidden {self.model.hidden} or more, or 0.")
        if self.model.cell == "none":
            raise ConfigError("grow adds neurons, and a head of cell none has none; name another --cell.")
        if self.average_with is not None:
            raise ConfigError("grow changes the size of the head; leave average_with out, which needs the same size.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return (Output("--out", self.out, ("head.safetensors", "checkpoint.pt", "curve.csv"), resumes="checkpoint.pt"),)
