"""Settings of `liquidtrack eval classification`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.seconds import Seconds
from models.errors import ConfigError
from models.runtime.compute import Device


@dataclass(frozen=True, slots=True)
class EvalRecognitionConfig:
    """Score what is said of classes: of single pictures, of tracks in simulated views of them, or in video.

    pictures: the frozen CNN's classifier, top-1 and top-5. FOLDER holds labels.tsv (a header, then index, wnid, name a
    line) and the pictures, in images.zip, in images/ or in itself; a picture's class is its folder's or its own name
    (n01440764/x.jpg, n01440764.jpg, n01440764_12.jpg). Pictures larger than the network's input are cut to their
    middle, 7/8 of the short side.

    views: the class of a track, by the liquid pool and by controls, from simulated views of the same pictures.

    video: the class of one object in each sequence of FOLDER (groundtruth.txt or groundtruth_rect.txt and pictures, or
    DAVIS's masks and pictures), as the tracker says it; --truth names the right classes.

    Attributes:
        folder: folder of images or sequences.
        over: what is scored.
        results: result files of other programs to score too. JSON of classes over time (views, video).
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        truth: file of the true classes. Lines of a sequence, a tab, and classes parted by |; or JSON (video).
        sequences: sequences to score, by name. All by default (video).
        detector: detector, as `track` takes it (video).
        recognise: fine-grained classifier, as `track --classify` takes it (video).
        held_out: images to score, by the order of their names. odd: those that `train classification` left out, 1, 3,
            ... (views).
        rate: crops a second, or frames a second of the video. Of video whose times are not known.
        seconds: seconds for which each object is seen (views).
        export: write the simulated crops as images there. <name>/0000.png and times.csv, for other programs.
        answers: write our classes over time to this JSON file. In the form of the results; of one profile alone.
        seed: seed of the simulated crops and of the subsampling.
        backbone: frozen CNN (images).
        backbone_weights: weights of the CNN, or `random`. A file in place of the published weights; `random` is
            untrained, for tests.
        every: take only every n-th image, by the order of their names.
        limit: take at most so many images.
        threads: CPU threads of the network. 0 takes a fair share of the cores.
        device: device of the network. auto takes CUDA where ONNX Runtime can use it.
        json: write all figures to this JSON file. With every image that was misclassified.
        plot: plot confidence against accuracy. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    folder: Positional[Path]
    over: Literal["pictures", "views", "video"] = "pictures"
    results: tuple[Path, ...] = ()
    profiles: tuple[str, ...] = ("full",)
    truth: Path | None = None
    sequences: tuple[str, ...] = ()
    detector: str = "lite0"
    recognise: Literal["none", "imagenet"] = "none"
    held_out: Literal["odd", "all"] = "odd"
    rate: float | None = None
    seconds: Seconds = 3.0
    export: Path | None = None
    answers: Path | None = None
    seed: int = 0
    backbone: str = "efficientnet_lite0"
    backbone_weights: str | None = None
    every: int = 1
    limit: int | None = None
    threads: int = 0
    device: Device = "auto"
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"every is {self.every}; give 1 or more.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit is {self.limit}; give 1 or more.")
        if self.threads < 0:
            raise ConfigError(f"threads is {self.threads}; give 0 for a fair share of the cores, or a positive number.")
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise ConfigError(f"rate is {self.rate}; give views or frames a second, a positive number.")
        if not 0 < self.seconds <= 3600:
            raise ConfigError(f"seconds is {self.seconds}; give more than 0 and at most 3600.")
        if not self.profiles:
            raise ConfigError("there is no profile to thin by; give full for everything.")
        if self.answers is not None and len(self.profiles) > 1:
            raise ConfigError("--answers keeps what is said under one profile; give one.")
        if self.over == "pictures":
            used = {"results": self.results, "plot": self.plot, "export": self.export, "answers": self.answers,
                    "truth": self.truth}  # fmt: skip
            for name, value in used.items():
                if value:
                    raise ConfigError(f"--{name} belongs to classes over time; add --over views or --over video.")
        if self.over == "video" and self.truth is None:
            raise ConfigError("video needs --truth FILE, which names the right classes of each sequence.")
        if self.over == "video" and self.export is not None:
            raise ConfigError("--export writes simulated views; a video has pictures already.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        views = () if self.export is None else (Output("--export", self.export, ("*/[0-9]*.png", "*/times.csv")),)
        return (*views, *file_outputs(self, "answers", "json", "plot"))
