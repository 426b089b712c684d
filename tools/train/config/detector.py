"""Settings of `liquidtrack train detection`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.detection.config import CLASSES, DetectConfig
from models.errors import ConfigError
from models.runtime.compute import Device


@dataclass(frozen=True, slots=True)
class TrainDetectorConfig:
    """Train the detection head on the frozen CNN with labelled pictures; resumes where it was stopped.

    Attributes:
        labelled: COCO json files of boxes, or folders that hold instances.json.
        out: gets detector.onnx (give it to --detector), detector-int8.onnx (quicker on CPUs), head.safetensors,
            checkpoint.pt, curve.csv, and what the teachers said.
        classes: the classes to learn, by the names that the labels or the teachers have for them.
        unlabelled: folders of pictures without labels; teachers mark what they see there.
        teachers: .onnx detectors that mark unlabelled pictures, and classes that the labels are not complete for; what
            two agree on is believed, so give two or more.
        start: head.safetensors to start from, in place of chance.
        hold: keep every n-th picture of the labelled ones for choosing, 0 none; they are not trained on.
        epochs: how often each picture is looked at, roughly.
        batch: pictures of 320 pixels a step; of smaller ones more are taken, of larger ones fewer.
        sizes: sides of the training pictures, pixels, multiples of 32; one is drawn at each step.
        look: long side of the pictures that the trained detector will look at, pixels.
        rate: largest learning rate.
        data_seed: of the order of the pictures and of what is done to them.
        workers: processes that make pictures and run the frozen CNN; 0 does it in this one.
        device: where the head is trained; auto takes CUDA where torch has it.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    labelled: Positional[tuple[Path, ...]]
    out: Path = Path("out/detector")
    classes: tuple[str, ...] = CLASSES
    unlabelled: tuple[Path, ...] = ()
    teachers: tuple[Path, ...] = ()
    start: Path | None = None
    hold: int = 12
    epochs: float = 20.0
    batch: int = 16
    sizes: tuple[int, ...] = (256, 320, 384, 448)
    look: int = 512
    rate: float = 2e-3
    data_seed: int = 0
    workers: int = 1
    device: Device = "auto"
    overwrite: bool = False
    quiet: bool = False
    model: DetectConfig = field(default_factory=DetectConfig)

    def __post_init__(self) -> None:
        check_ranges(self, {"hold": (0, 1_000_000), "batch": (2, 1024), "workers": (0, WORKERS), "data_seed": SEEDS})
        check_rate(self.rate)
        if not 0 < self.epochs <= 100_000:
            raise ConfigError(f"epochs is {self.epochs}; give more than 0, and 100000 at most.")
        if not self.labelled:
            raise ConfigError("there is nothing to learn from; name COCO json files, or folders with instances.json.")
        if self.hold == 1:
            raise ConfigError("hold is 1, so no picture would be left to train on; give 2 or more, or 0.")
        if not self.sizes or any(not 64 <= size <= 2048 or size % 32 for size in self.sizes):
            raise ConfigError(f"sizes are {' '.join(map(str, self.sizes))}; give multiples of 32 from 64 to 2048.")
        if not 64 <= self.look <= 4096:
            raise ConfigError(f"look is {self.look}; give 64 to 4096 pixels.")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ConfigError("classes must name each class once, and at least one.")
        if not all(name.strip() for name in self.classes):
            raise ConfigError("classes hold an empty name; name each class.")
        if self.unlabelled and not self.teachers:
            raise ConfigError("pictures without labels need --teachers that mark them.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        made = ("head.safetensors", "detector.onnx", "detector-int8.onnx", "taps.onnx", "checkpoint.pt", "curve.csv")
        return (Output("--out", self.out, (*made, "teacher-*.npz"), resumes="checkpoint.pt"),)
