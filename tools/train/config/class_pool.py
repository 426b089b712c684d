"""Settings of `liquidtrack train classification`. Nothing here imports more than dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TrainRecognitionConfig:
    """Train the liquid pool that makes one class of many views, on simulated views; resumes where it was stopped.

    Attributes:
        kind: views: what a classifier sees in boxes, from pictures of one class each (labels.tsv, as for `eval
            recognition`); labels: what detectors call objects, from pictures with boxes (instances.json).
        folder: the pictures.
        out: gets recognition-<kind>.safetensors, checkpoint-<kind>.pt, curve-<kind>.csv, and the simulated evidence.
        detectors: whose labels are pooled, as `--detector` takes them, in turn from picture to picture; of `labels`.
        pictures: even: learn from every second picture (0, 2, ... in the order of their names) and leave the others to
            be scored; all.
        repeats: sequences of views made from each picture.
        views: in each sequence.
        steps: of training.
        batch: sequences a step.
        rate: largest learning rate.
        units: numbers of the liquid state of one track.
        data_seed: of views and batches.
        threads: CPU threads.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    kind: Positional[Literal["views", "labels"]]
    folder: Positional[Path]
    out: Path = Path("out/recognition")
    detectors: tuple[str, ...] = ("lite0",)
    pictures: Literal["even", "all"] = "even"
    repeats: int = 2
    views: int = 24
    steps: int = 1500
    batch: int = 48
    rate: float = 5e-3
    units: int = 12
    data_seed: int = 0
    threads: int = 1
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        sizes = {"repeats": 1000, "steps": 10_000_000, "batch": 65_536, "units": 512, "threads": WORKERS}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()})
        check_ranges(self, {"views": (2, 1000), "data_seed": SEEDS})
        check_rate(self.rate)
        if not self.detectors:
            raise ConfigError("there is no detector whose labels could be pooled; name one, such as lite0.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        made = (
            f"recognition-{self.kind}.safetensors",
            f"checkpoint-{self.kind}.pt",
            f"curve-{self.kind}.csv",
            f"evidence-{self.kind}-*.npz",
        )
        return (Output("--out", self.out, made, resumes=f"checkpoint-{self.kind}.pt"),)
