"""Settings of `liquidtrack eval segmentation`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from tracker.masks.config import MaskConfig


@dataclass(frozen=True)
class EvalSegmentationConfig:
    """Score masks against the truth as DAVIS does: J, F, their mean, recall and decay.

    Without results it follows the truth's first masks itself and scores what comes out.

    Attributes:
        truth: folder in DAVIS's layout: Annotations/480p/<sequence>/00000.png (or <sequence>/00000.png); beside it
            JPEGImages/480p/<sequence>/00000.jpg, where there is something to follow.
        results: folders of <sequence>/00000.png made by any program; none: follow the objects here.
        sequences: score these alone; all where none is named.
        profile: how frames are left out (full, stride5, stride10, drop70, jitter, bursty); several at once give a row
            each. Only the frames that stay are scored.
        seed: of the thinning.
        rate: frames a second of the sequences.
        frames: davis leaves out the first frame, whose mask is given, and the last, as DAVIS's own code does; all takes
            every frame, as TrackEval does.
        ids: same: object 3 of a result is object 3 of the truth; best: objects are paired so that J is greatest.
        start: of our own run: the first frame's mask, or only the box around it (grabcut: by its colours alone).
        compose: of our own run: lay the objects of so many sequences over one another, moved sideways so that all are
            seen in the first frame; 1 leaves them alone.
        save: of our own run: write the masks here, in DAVIS's layout.
        json: write all figures to this file as well.
        plot: picture of J and F in the course of the sequences (.png, .svg or .pdf); needs matplotlib.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    truth: Positional[Path]
    results: Positional[tuple[Path, ...]] = ()
    sequences: tuple[str, ...] = ()
    profile: tuple[str, ...] = ("full",)
    seed: int = 0
    rate: float = 24.0
    frames: Literal["davis", "all"] = "davis"
    ids: Literal["same", "best"] = "same"
    start: Literal["mask", "box", "grabcut"] = "mask"
    compose: int = 1
    save: Path | None = None
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    propagation: MaskConfig = field(default_factory=MaskConfig)

    def __post_init__(self) -> None:
        if not self.profile:
            raise ConfigError("profile is empty; name at least one, such as full.")
        if not 0 < self.rate < 1e4:
            raise ConfigError(f"rate is {self.rate}; give frames a second, more than 0.")
        if not 1 <= self.compose <= 8:
            raise ConfigError(f"compose is {self.compose}; give 1 to 8 sequences.")
        if self.results:
            for name, plain in (("start", "mask"), ("compose", 1), ("save", None)):
                if getattr(self, name) != plain:
                    raise ConfigError(f"--{name} belongs to a run of our own; leave the results away, or --{name}.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        masks = () if self.save is None else (Output("--save", self.save, ("*/*.png",)),)
        return (*masks, *file_outputs(self, "json", "plot"))
