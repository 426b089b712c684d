"""Settings of `liquidtrack eval sot`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from models.runtime.compute import Device

Which = Literal["point", "mil", "kcf", "csrt"]


@dataclass(frozen=True, slots=True)
class EvalSotConfig:
    """Follow one object through each sequence from its first box (one-pass evaluation), and score: success, precision.

    A sequence is a folder of groundtruth_rect.txt (OTB, UAV123) or groundtruth.txt (VOT, GOT-10k, LaSOT) and pictures.

    Attributes:
        root: a folder of such sequences, or one of them.
        results: score folders of <sequence>.txt (left,top,width,height a line) too, whoever made them; a file has a
            line for each picture, or for each that the profile keeps.
        trackers: what is run: point is ours, the others are OpenCV's, as far as the installed build has them (kcf and
            csrt are in opencv-contrib-python). Give none to score results alone.
        profiles: how the video is thinned before it is tracked: full, stride5, stride10, drop70, jitter, bursty.
        sequences: only these; all where none is given.
        rate: frames a second of the sequences, which do not tell.
        base: the number of the first pixel in truth and results, 0 or 1; by default 1 with groundtruth_rect.txt.
        seed: of the thinning.
        motion: what expects our object: liquid or kalman.
        threads: CPU threads of our network; 0 takes all cores.
        device: where our network runs.
        per_sequence: show every sequence, not the mean alone.
        out: keep the boxes of every run here, as <tracker>-<profile>/<sequence>.txt.
        json: write all figures and curves to this file as well.
        plot: picture of the success and precision curves (.png, .svg or .pdf); needs matplotlib.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    root: Positional[Path]
    results: Positional[tuple[Path, ...]] = ()
    trackers: tuple[Which, ...] = ("point",)
    profiles: tuple[str, ...] = ("full",)
    sequences: tuple[str, ...] = ()
    rate: float = 30.0
    base: Literal[0, 1] | None = None
    seed: int = 0
    motion: Literal["liquid", "kalman"] = "liquid"
    threads: int = 0
    device: Device = "auto"
    per_sequence: bool = False
    out: Path | None = None
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.rate < float("inf"):
            raise ConfigError(f"rate is {self.rate}; give frames a second, a positive number.")
        if not self.profiles:
            raise ConfigError("there is no profile to thin the video by; give full for every frame.")
        if not self.trackers and not self.results:
            raise ConfigError("there is nothing to score; name a tracker, or folders of results after the sequences.")
        if self.threads < 0:
            raise ConfigError(f"threads is {self.threads}; give 0 for all cores, or a positive number.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        boxes = () if self.out is None else (Output("--out", self.out, ("*-*/*.txt",)),)
        return (*boxes, *file_outputs(self, "json", "plot"))
