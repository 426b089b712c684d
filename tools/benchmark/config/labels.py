"""Settings of `liquidtrack bench labels`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import WORKERS, check_ranges, check_rate
from models.errors import ConfigError
from tools.benchmark.config.sizes import check_trainings

MEMORIES = ("liquid", "gru", "none")


@dataclass(frozen=True, slots=True)
class BenchLabelsConfig:
    """Train association heads from few and from many labelled sequences, and compare their losses and their HOTA.

    liquid: the leaky CfC; gru: a GRU that is given the elapsed time; none: no cell and no track statistics, so that the
    Kalman filter is the only memory. The clips of each number of sequences are rolled out once, by the untrained head,
    which is the filter; all heads learn from the same clips. The fewer sequences are among the more. What is trained
    already, or in part, is taken from the output folder: a stopped run resumes.

    Attributes:
        roots: folders of sequences to train on. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any,
            or KITTI's label_02. A tenth of the sequences is held out for the loss.
        test: folders of sequences with detections, for HOTA. None: the loss alone.
        memories: heads to compare (liquid, gru, none).
        sequences: numbers of training sequences. 0: all.
        seeds: seeds of the choice of sequences, of clips and weights. Each trains every head once.
        profiles: temporal subsampling profiles for HOTA.
        clips: training clips that are rolled out for each number of sequences, and a fifth of that for the held-out
            loss.
        steps: training steps.
        batch: clips in a training step.
        learning_rate: largest learning rate.
        workers: processes that roll out and track.
        out: folder of heads, checkpoints and scores.
        json: write all figures to this JSON file.
        plot: plot loss and HOTA against the sequences. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]]
    test: tuple[Path, ...] = ()
    memories: tuple[str, ...] = MEMORIES
    sequences: tuple[int, ...] = (1, 3, 10, 30, 0)
    seeds: tuple[int, ...] = (0, 1, 2)
    profiles: tuple[str, ...] = ("full", "drop70")
    clips: int = 300
    steps: int = 600
    batch: int = 8
    learning_rate: float = 2e-3
    workers: int = 2
    out: Path = Path("out/labels")
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        sizes = {"clips": 1_000_000, "steps": 10_000_000, "batch": 4096, "workers": WORKERS}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()})
        check_rate(self.learning_rate)
        check_trainings(self.roots, self.seeds, self.profiles)
        if unknown := [name for name in self.memories if name not in MEMORIES]:
            raise ConfigError(f"memories: there is no {unknown[0]!r}; the memories are {', '.join(MEMORIES)}.")
        if not self.memories or not self.sequences or min(self.sequences) < 0:
            raise ConfigError("sequences and memories need one entry or more; give whole numbers from 0, and names.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written besides the folder, whose trainings look after themselves."""
        return file_outputs(self, "json", "plot")
