"""Settings of `liquidtrack train detection`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.detection.config import CLASSES, DetectionHeadConfig
from models.errors import ConfigError
from models.runtime.compute import Device


@dataclass(frozen=True, slots=True)
class TrainDetectorConfig:
    """Train the detection head on the frozen CNN with labelled images. A stopped training resumes.

    Attributes:
        labelled: labelled images. COCO JSON files of boxes, or folders that hold instances.json.
        out: output folder. It gets detector.onnx (for --detector), detector-int8.onnx (faster on CPUs),
            head.safetensors, checkpoint.pt, curve.csv, and the pseudo-labels.
        classes: classes to learn, by the names of the labels or teachers.
        unlabelled: folders of images without labels. Teachers label them.
        teachers: ONNX detectors that make pseudo-labels. For unlabelled images, and for classes that the labels are not
            complete for; what two agree on counts, so give two or more.
        init_weights: head.safetensors to start from. Without it, random weights.
        validation_every: keep every n-th labelled image for validation. 0 keeps none; they are not trained on.
        epochs: number of epochs, roughly.
        batch: images of 320 pixels in a training step. More of smaller ones, fewer of larger ones.
        sizes: sides of the training images, pixels, multiples of 32. One is drawn for each step.
        input_size: long side of the images that the trained detector takes, pixels.
        learning_rate: largest learning rate.
        seed: seed of the order of the images and of augmentation.
        workers: processes that load images and run the frozen CNN. 0 does both in the main process.
        device: device of the training. auto takes CUDA where torch has it.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    labelled: Positional[tuple[Path, ...]]
    out: Path = Path("out/detector")
    classes: tuple[str, ...] = CLASSES
    unlabelled: tuple[Path, ...] = ()
    teachers: tuple[Path, ...] = ()
    init_weights: Path | None = None
    validation_every: int = 12
    epochs: float = 20.0
    batch: int = 16
    sizes: tuple[int, ...] = (256, 320, 384, 448)
    input_size: int = 512
    learning_rate: float = 2e-3
    seed: int = 0
    workers: int = 1
    device: Device = "auto"
    overwrite: bool = False
    quiet: bool = False
    model: DetectionHeadConfig = field(default_factory=DetectionHeadConfig)

    def __post_init__(self) -> None:
        check_ranges(
            self, {"validation_every": (0, 1_000_000), "batch": (2, 1024), "workers": (0, WORKERS), "seed": SEEDS}
        )
        check_rate(self.learning_rate)
        if not 0 < self.epochs <= 100_000:
            raise ConfigError(f"epochs is {self.epochs}; give more than 0, and 100000 at most.")
        if not self.labelled:
            raise ConfigError("there is nothing to learn from; name COCO json files, or folders with instances.json.")
        if self.validation_every == 1:
            raise ConfigError("validation_every is 1, so no picture would be left to train on; give 2 or more, or 0.")
        if not self.sizes or any(not 64 <= size <= 2048 or size % 32 for size in self.sizes):
            raise ConfigError(f"sizes are {' '.join(map(str, self.sizes))}; give multiples of 32 from 64 to 2048.")
        if not 64 <= self.input_size <= 4096:
            raise ConfigError(f"input_size is {self.input_size}; give 64 to 4096 pixels.")
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
