"""Settings of `liquidtrack eval classification`, `eval crop-classes` and `eval video-classes`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import WORKERS, check_ranges
from models.checks.seconds import Seconds
from models.errors import ConfigError
from models.runtime.compute import Device
from tracker.detectors.config import DEFAULT, DetectorConfig


@dataclass(frozen=True, slots=True)
class EvalRecognitionConfig:
    """Score the classifier of the frozen CNN on labelled images: top-1 and top-5.

    FOLDER holds labels.tsv (a header, then index, wnid, name a line) and the images, in images.zip, in images/ or in
    itself. The class of an image is the name of its folder or its own name (n01440764/x.jpg, n01440764.jpg,
    n01440764_12.jpg). Images larger than the input of the network are cut to their middle, 7/8 of the short side.

    Attributes:
        folder: folder of labelled images.
        backbone: frozen CNN.
        backbone_weights: weights of the CNN, or `random`. A file in place of the published weights; `random` is
            untrained, for tests.
        every: take only every n-th image, by the order of their names.
        limit: take at most so many images.
        threads: CPU threads of the network. 0 takes a fair share of the cores.
        device: device of the network. auto takes CUDA where ONNX Runtime can use it.
        json: write all figures to this JSON file. With every image that was misclassified.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    folder: Positional[Path]
    backbone: str = "efficientnet_lite0"
    backbone_weights: str | None = None
    every: int = 1
    limit: int | None = None
    threads: int = 0
    device: Device = "auto"
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        check_ranges(self, {"every": (1, 1_000_000), "threads": (0, WORKERS)})
        _check_limit(self.limit)

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")


@dataclass(frozen=True, slots=True)
class EvalCropClassesConfig:
    """Score the class of a track over simulated crops: by the liquid pool, and by baselines.

    FOLDER is one of `eval classification`.

    Attributes:
        folder: folder of labelled images.
        results: result files of other programs to score too. JSON of classes over time.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        held_out: images to score, by the order of their names. odd: those that `train classification` left out, 1, 3,
            ...
        crop_rate: crops a second of each object.
        seconds: seconds for which each object is seen.
        export: write the simulated crops as images there. <name>/0000.png and times.csv, for other programs.
        answers: write our classes over time to this JSON file. In the form of the results; of one profile alone.
        seed: seed of the simulated crops and of the subsampling.
        backbone_weights: weights of the CNN, or `random`. A file in place of the published weights; `random` is
            untrained, for tests.
        every: take only every n-th image, by the order of their names.
        limit: take at most so many images.
        threads: CPU threads of the network. 0 takes a fair share of the cores.
        json: write all figures to this JSON file.
        plot: plot confidence against accuracy. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    folder: Positional[Path]
    results: tuple[Path, ...] = ()
    profiles: tuple[str, ...] = ("full",)
    held_out: Literal["odd", "all"] = "odd"
    crop_rate: float = 12.0
    seconds: Seconds = 3.0
    export: Path | None = None
    answers: Path | None = None
    seed: int = 0
    backbone_weights: str | None = None
    every: int = 1
    limit: int | None = None
    threads: int = 0
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    @property
    def over(self) -> str:
        """What is scored, in the figures."""
        return "views"

    def __post_init__(self) -> None:
        check_ranges(self, {"every": (1, 1_000_000), "threads": (0, WORKERS)})
        _check_limit(self.limit)
        if not 0 < self.crop_rate <= 1000:
            raise ConfigError(f"crop_rate is {self.crop_rate}; give crops a second, more than 0 and at most 1000.")
        if not 0 < self.seconds <= 3600:
            raise ConfigError(f"seconds is {self.seconds}; give more than 0 and at most 3600.")
        _check_profiles(self.profiles, self.answers)

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        crops = () if self.export is None else (Output("--export", self.export, ("*/[0-9]*.png", "*/times.csv")),)
        return (*crops, *file_outputs(self, "answers", "json", "plot"))


@dataclass(frozen=True, slots=True)
class EvalVideoClassesConfig:
    """Score the class of one object in each sequence, as the tracker gives it.

    FOLDER holds sequences: groundtruth.txt or groundtruth_rect.txt and images, or the masks and images of DAVIS.

    Attributes:
        folder: folder of sequences.
        truth: file of the true classes. Lines of a sequence, a tab, and classes parted by |; or JSON.
        results: result files of other programs to score too. JSON of classes over time.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        sequences: sequences to score, by name. All by default.
        detector: detector, as `track` takes it.
        classify: fine-grained classifier, as `track --classify` takes it.
        rate: frames a second of the sequences.
        answers: write our classes over time to this JSON file. In the form of the results; of one profile alone.
        seed: seed of the subsampling.
        threads: CPU threads of each network. 0 takes a fair share of the cores.
        device: device of the networks. auto takes CUDA where ONNX Runtime can use it.
        json: write all figures to this JSON file.
        plot: plot confidence against accuracy. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    folder: Positional[Path]
    truth: Path
    results: tuple[Path, ...] = ()
    profiles: tuple[str, ...] = ("full",)
    sequences: tuple[str, ...] = ()
    detector: str = DEFAULT
    classify: Literal["none", "imagenet"] = "none"
    rate: float = 30.0
    answers: Path | None = None
    seed: int = 0
    threads: int = 0
    device: Device = "auto"
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    @property
    def over(self) -> str:
        """What is scored, in the figures."""
        return "video"

    def __post_init__(self) -> None:
        check_ranges(self, {"threads": (0, WORKERS)})
        DetectorConfig(self.detector).kind_and_argument()  # refuses what is no path before anything is read
        if not 0 < self.rate < float("inf"):
            raise ConfigError(f"rate is {self.rate}; give frames a second, a positive number.")
        _check_profiles(self.profiles, self.answers)

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "answers", "json", "plot")


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}; give 1 or more.")


def _check_profiles(profiles: tuple[str, ...], answers: Path | None) -> None:
    if not profiles:
        raise ConfigError("there is no profile to thin by; give full for everything.")
    if answers is not None and len(profiles) > 1:
        raise ConfigError("--answers keeps what is said under one profile; give one.")
