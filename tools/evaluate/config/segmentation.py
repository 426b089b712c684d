"""Settings of `liquidtrack eval segmentation`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from tracker.detectors.config import DEFAULT, DetectorConfig
from tracker.masks.config import MaskConfig


@dataclass(frozen=True)
class EvalSegmentationConfig:
    """Score masks against ground truth as DAVIS does: J, F, their mean, recall and decay.

    Without results it propagates the first masks of the ground truth itself and scores the outcome.

    Attributes:
        truth: ground truth in the layout of DAVIS. Annotations/480p/<sequence>/00000.png (or <sequence>/00000.png),
            with JPEGImages/480p/<sequence>/00000.jpg beside it for runs of our own.
        results: folders of masks of any program: <sequence>/00000.png. None: the objects are propagated here.
        sequences: sequences to score, by name. All by default.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each. Only the frames that are kept are scored.
        seed: seed of the subsampling.
        rate: frames a second of the sequences.
        frames: frames that are scored. davis leaves out the first frame, whose mask is given, and the last, as the code
            of DAVIS does; all takes every frame, as TrackEval does.
        ids: how objects are paired. same: by number; best: so that J is greatest.
        start: prompt of our own run. mask: the mask of the first frame; box: only the box around it; grabcut: the box,
            segmented by colour alone; jittered: the box, each edge moved by 5 % of its side; detected: the box of
            --detector, or the jittered one of objects that it does not find.
        boxes: frames whose boxes our own run gets. first: the prompt alone; every: those of every frame, as outlines in
            track --outlines.
        detector: detector of --start detected, as for track.
        compose: sequences that our own run lays over one another, 1 to 8. Moved sideways so that all objects are
            visible in the first frame.
        save: write the masks of our own run there, in the layout of DAVIS.
        json: write all figures to this JSON file.
        plot: plot J and F over time. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    truth: Positional[Path]
    results: Positional[tuple[Path, ...]] = ()
    sequences: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ("full",)
    seed: int = 0
    rate: float = 24.0
    frames: Literal["davis", "all"] = "davis"
    ids: Literal["same", "best"] = "same"
    start: Literal["mask", "box", "grabcut", "jittered", "detected"] = "mask"
    boxes: Literal["first", "every"] = "first"
    detector: str = DEFAULT
    compose: int = 1
    save: Path | None = None
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    propagation: MaskConfig = field(default_factory=MaskConfig)

    def __post_init__(self) -> None:
        DetectorConfig(self.detector).kind_and_argument()  # refuses what is no path before anything is read
        if not self.profiles:
            raise ConfigError("profiles is empty; name at least one, such as full.")
        if not 0 < self.rate < 1e4:
            raise ConfigError(f"rate is {self.rate}; give frames a second, more than 0.")
        if not 1 <= self.compose <= 8:
            raise ConfigError(f"compose is {self.compose}; give 1 to 8 sequences.")
        if self.boxes == "every" and self.start not in ("jittered", "detected"):
            raise ConfigError("boxes is every; that goes with --start jittered or --start detected.")
        if self.detector != DEFAULT and self.start != "detected":
            raise ConfigError("--detector belongs to --start detected; add it, or leave --detector out.")
        if self.results:
            for name, plain in (("start", "mask"), ("compose", 1), ("save", None)):
                if getattr(self, name) != plain:
                    raise ConfigError(f"--{name} belongs to a run of our own; leave the results away, or --{name}.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        masks = () if self.save is None else (Output("--save", self.save, ("*/*.png",)),)
        return (*masks, *file_outputs(self, "json", "plot"))
