"""Settings of `liquidtrack bench sizes`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.errors import ConfigError

SIZE_KINDS = ("scratch", "ncp", "grown", "pruned")
MOST_NUMBERS = 1_000_000


@dataclass(frozen=True, slots=True)
class BenchSizesConfig:
    """Train association heads of several sizes on the same roll-outs, and compare their losses and their HOTA.

    scratch: trained from random weights. ncp: the same, wired as a neural circuit policy. grown: each from the next
    smaller one, the smallest being that of scratch, in a third of the steps. pruned: from a trained head, in a third of
    the steps. The clips are rolled out once, by the trained head, and every head learns from these. What is trained
    already, or in part, is taken from the output folder: a stopped run resumes.

    Attributes:
        roots: folders of sequences to train on. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any,
            or KITTI's label_02. A tenth of the sequences is held out for the loss.
        test: folders of sequences with detections, for HOTA. None: the loss alone.
        association_head: trained head that rolls out and is pruned, a file. By default that of the package.
        kinds: kinds of heads (scratch, ncp, grown, pruned).
        numbers: sizes of the heads, in learned numbers. A size that a kind cannot have is left out.
        seeds: seeds of the weights and of the order of the batches. Each trains every head once.
        profiles: temporal subsampling profiles for HOTA.
        clips: training clips that are rolled out, and a fifth of that for the held-out loss.
        steps: training steps from random weights.
        batch: clips in a training step.
        learning_rate: largest learning rate.
        data_seed: seed of clips and noise.
        workers: processes that roll out and track.
        out: folder of heads, checkpoints and scores.
        json: write all figures to this JSON file.
        plot: plot loss and HOTA against the numbers. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]]
    test: tuple[Path, ...] = ()
    association_head: Path | None = None
    kinds: tuple[str, ...] = SIZE_KINDS
    numbers: tuple[int, ...] = (2000, 6000, 12000, 24000, 50000)
    seeds: tuple[int, ...] = (0,)
    profiles: tuple[str, ...] = ("full", "drop70")
    clips: int = 400
    steps: int = 900
    batch: int = 8
    learning_rate: float = 2e-3
    data_seed: int = 0
    workers: int = 2
    out: Path = Path("out/sizes")
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        sizes = {"clips": 1_000_000, "steps": 10_000_000, "batch": 4096, "workers": WORKERS}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()} | {"data_seed": SEEDS})
        check_rate(self.learning_rate)
        check_trainings(self.roots, self.seeds, self.profiles)
        if unknown := [kind for kind in self.kinds if kind not in SIZE_KINDS]:
            raise ConfigError(f"kinds: there is no {unknown[0]!r}; the kinds are {', '.join(SIZE_KINDS)}.")
        if not self.kinds or not self.numbers:
            raise ConfigError("there is nothing to train; give a kind to --kinds and a size to --numbers.")
        if bad := [n for n in self.numbers if not 500 <= n <= MOST_NUMBERS]:
            raise ConfigError(f"numbers holds {bad[0]}; give sizes from 500 to {MOST_NUMBERS}.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written besides the folder, whose trainings look after themselves."""
        return file_outputs(self, "json", "plot")


def check_trainings(roots: tuple[Path, ...], seeds: tuple[int, ...], profiles: tuple[str, ...]) -> None:
    """Check what both comparisons of trained heads need.

    Raises:
        ConfigError: there are no folders or profiles, or a seed is out of range.
    """
    if not roots:
        raise ConfigError("there is nothing to learn from; name one folder of sequences or more.")
    if not profiles:
        raise ConfigError("profiles is empty; give one temporal subsampling profile or more, such as full.")
    if not seeds or not all(SEEDS[0] <= seed <= SEEDS[1] for seed in seeds):
        raise ConfigError(f"seeds are {' '.join(map(str, seeds)) or 'none'}; give whole numbers from 0.")
