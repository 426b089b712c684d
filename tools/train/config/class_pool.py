"""Settings of `liquidtrack train classification`. Nothing here imports more than dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.errors import ConfigError
from tracker.detectors.config import DEFAULT


@dataclass(frozen=True, slots=True)
class TrainRecognitionConfig:
    """Train the liquid pool that makes one class of many crops, on simulated crops. A stopped training resumes.

    Attributes:
        kind: evidence that is pooled. views: what a classifier says of crops, from images of one class each
            (labels.tsv, as for `eval classification`); labels: what detectors call objects, from images with boxes
            (instances.json).
        folder: the folder of images.
        out: output folder. It gets recognition-<kind>.safetensors, checkpoint-<kind>.pt, curve-<kind>.csv, and the
            simulated evidence.
        detectors: detectors whose labels are pooled, as `track` takes them. In turn from image to image (labels).
        images: images to train on. even: every second one (0, 2, ... in the order of their names), so that the others
            can be scored.
        repeats: simulated sequences made from each image.
        crops: crops in each sequence.
        steps: training steps.
        batch: sequences in a training step.
        learning_rate: largest learning rate.
        units: size of the liquid state of one track.
        seed: seed of crops and batches.
        threads: CPU threads.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    kind: Positional[Literal["views", "labels"]]
    folder: Positional[Path]
    out: Path = Path("out/recognition")
    detectors: tuple[str, ...] = (DEFAULT,)
    images: Literal["even", "all"] = "even"
    repeats: int = 2
    crops: int = 24
    steps: int = 1500
    batch: int = 48
    learning_rate: float = 5e-3
    units: int = 12
    seed: int = 0
    threads: int = 1
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        sizes = {"repeats": 1000, "steps": 10_000_000, "batch": 65_536, "units": 512, "threads": WORKERS}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()})
        check_ranges(self, {"crops": (2, 1000), "seed": SEEDS})
        check_rate(self.learning_rate)
        if not self.detectors:
            raise ConfigError("there is no detector whose labels could be pooled; name one, such as fused.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        made = (
            f"recognition-{self.kind}.safetensors",
            f"checkpoint-{self.kind}.pt",
            f"curve-{self.kind}.csv",
            f"evidence-{self.kind}-*.npz",
        )
        return (Output("--out", self.out, made, resumes=f"checkpoint-{self.kind}.pt"),)
