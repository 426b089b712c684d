"""Settings of `liquidtrack eval sot`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from models.runtime.compute import Device

Which = Literal["point", "nanotrack", "csrt", "mil", "kcf"]


@dataclass(frozen=True, slots=True)
class EvalSotConfig:
    """Score single-object tracking in one-pass evaluation, from the first box of each sequence: success and precision.

    A sequence is a folder of groundtruth_rect.txt (OTB, UAV123) or groundtruth.txt (VOT, GOT-10k, LaSOT) and
    images.

    Attributes:
        root: folder of sequences, or one sequence.
        results: folders of <sequence>.txt of any program to score too. left,top,width,height a line; a line for each
            image, or for each that the profile keeps.
        trackers: trackers that are run. point is ours, the others are those of OpenCV. Give none to score results
            alone.
        peers: run OpenCV's trackers beside them, as far as they can run here. What is left out is told.
        nanotrack: folder of NanoTrack's two networks, *backbone*.onnx and *head*.onnx.
        peer_python: Python of an environment with opencv-contrib-python, which has csrt and kcf. That build replaces
            opencv-python, so that it must not be installed beside it.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        sequences: sequences to score, by name. All by default.
        rate: frames a second of the sequences.
        first_pixel: number of the first pixel in ground truth and results. By default 1 with groundtruth_rect.txt, else
            0.
        seed: seed of the subsampling.
        motion: motion model of our tracker.
        localiser: folder that `train localisation` wrote, whose networks are scored. By default the package's.
        threads: CPU threads of our network. 0 takes all cores.
        device: device of our network. auto takes CUDA where ONNX Runtime can use it.
        per_sequence: show every sequence, not the mean alone.
        out: keep the boxes of every run there, as <tracker>-<profile>/<sequence>.txt.
        json: write all figures and curves to this JSON file.
        plot: plot the success and precision curves. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    root: Positional[Path]
    results: Positional[tuple[Path, ...]] = ()
    trackers: tuple[Which, ...] = ("point",)
    peers: bool = False
    nanotrack: Path | None = None
    peer_python: Path | None = None
    profiles: tuple[str, ...] = ("full",)
    sequences: tuple[str, ...] = ()
    rate: float = 30.0
    first_pixel: Literal[0, 1] | None = None
    seed: int = 0
    motion: Literal["liquid", "kalman"] = "liquid"
    localiser: Path | None = None
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
        if not self.trackers and not self.results and not self.peers:
            raise ConfigError("there is nothing to score; name a tracker, or folders of results after the sequences.")
        if self.threads < 0:
            raise ConfigError(f"threads is {self.threads}; give 0 for all cores, or a positive number.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        boxes = () if self.out is None else (Output("--out", self.out, ("*-*/*.txt",)),)
        return (*boxes, *file_outputs(self, "json", "plot"))
