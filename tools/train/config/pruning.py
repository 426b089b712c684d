"""Settings of `liquidtrack prune`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.errors import ConfigError

SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class PruneConfig:
    """Remove the neurons, hidden units and synapses of an association head that have the least effect.

    The effect is measured in roll-outs: on the sequences of ROOTS, or on simulated streets where none are given. What
    read a removed neuron reads the others in its place. With ROOTS, the smaller head is trained on the same clips for a
    while, and the training is kept where it lowers the loss on held-out sequences; a stopped training resumes.

    Attributes:
        head: weights to prune, a file of `train association`.
        roots: folders of sequences. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any, or KITTI's
            label_02.
        out: the pruned head. A checkpoint and a curve of the losses stand beside it.
        keep: share of the neurons of the cell that stay.
        keep_hidden: share of the hidden units of the pair network that stay.
        keep_synapses: share of the cell's synapses that stay, of those between the remaining neurons. The others are
            zeros: the file is no smaller.
        criterion: how the neurons are chosen. residual: by the weights that read them and the spread of their state
            that the others do not predict; spread: by the whole spread of their state; random: by chance.
        clips: training clips that are rolled out.
        steps: training steps afterwards. 0: none.
        batch: clips in a training step.
        learning_rate: largest learning rate.
        data_seed: seed of clips, noise and batches.
        workers: processes that roll out.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    head: Positional[Path]
    roots: Positional[tuple[Path, ...]] = ()
    out: Path = Path("out/pruned.safetensors")
    keep: float = 0.5
    keep_hidden: float = 1.0
    keep_synapses: float = 1.0
    criterion: Literal["residual", "spread", "random"] = "residual"
    clips: int = 200
    steps: int = 600
    batch: int = 8
    learning_rate: float = 3e-4
    data_seed: int = 0
    workers: int = 2
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        for name in ("keep", "keep_hidden", "keep_synapses"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a share above 0, 1 at most.")
        sizes = {"clips": 1_000_000, "batch": 4096, "workers": WORKERS}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()})
        check_ranges(self, {"steps": (0, 10_000_000), "data_seed": SEEDS})
        check_rate(self.learning_rate)
        if min(self.keep, self.keep_hidden, self.keep_synapses) == 1:
            raise ConfigError("everything is kept; give a --keep, --keep-hidden or --keep-synapses below 1.")
        if self.out.suffix != SUFFIX:
            raise ConfigError(f"--out {self.out}: is a file of weights; let its name end with {SUFFIX}.")

    @property
    def beside(self) -> tuple[Path, Path]:
        """The checkpoint and the curve of the losses."""
        return self.out.with_suffix(".checkpoint.pt"), self.out.with_suffix(".curve.csv")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        if not self.roots:
            return (Output("--out", self.out),)
        checkpoint, curve = (path.name for path in self.beside)
        return (Output("--out", self.out.parent, (self.out.name, checkpoint, curve), resumes=checkpoint),)
