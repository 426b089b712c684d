"""Settings of `liquidtrack train localisation`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.errors import ConfigError
from models.localiser.config import LocaliserConfig


@dataclass(frozen=True, slots=True)
class TrainLocaliserConfig:
    """Train the localiser of `track --box` on the frozen CNN: it finds an object again that one crop shows.

    A stopped training resumes.

    Attributes:
        labelled: labelled images. COCO JSON files of boxes, or folders that hold instances.json.
        out: output folder. It gets localiser-neck.onnx and localiser-match.onnx (eval sot --localiser OUT scores them),
            localiser.safetensors to start other trainings from, checkpoint.pt, curve.csv, and the maps of all crops
            (140 KB each).
        sequences: folders of single-object sequences, as for `eval sot`. Pairs are frames of one object.
        init_weights: localiser.safetensors to start from. Without it, random weights.
        crops: crops of each object of the images.
        steps: training steps.
        batch: pairs of template and search region in a training step.
        sequence_share: share of the pairs that come from sequences.
        learning_rate: largest learning rate.
        seed: seed of crops and pairs.
        threads: CPU threads.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    labelled: Positional[tuple[Path, ...]]
    out: Path = Path("out/localiser")
    sequences: tuple[Path, ...] = ()
    init_weights: Path | None = None
    crops: int = 3
    steps: int = 2500
    batch: int = 32
    sequence_share: float = 0.25
    learning_rate: float = 2e-3
    seed: int = 0
    threads: int = 1
    overwrite: bool = False
    quiet: bool = False
    model: LocaliserConfig = field(default_factory=LocaliserConfig)

    def __post_init__(self) -> None:
        sizes = {"crops": (2, 100), "steps": (1, 10_000_000), "batch": (2, 4096), "threads": (1, WORKERS)}
        check_ranges(self, sizes | {"seed": SEEDS})
        check_rate(self.learning_rate)
        if not 0 <= self.sequence_share <= 1:
            raise ConfigError(f"sequence_share is {self.sequence_share}; give a share from 0 to 1.")
        if not self.labelled and not self.sequences:
            raise ConfigError("there is nothing to learn from; name COCO json files, or folders with instances.json.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        made = (
            "localiser-neck.onnx",
            "localiser-match.onnx",
            "localiser.safetensors",
            "checkpoint.pt",
            "curve.csv",
            "crops-*.npz",
            "crops-*.npy",
        )
        return (Output("--out", self.out, made, resumes="checkpoint.pt"),)
