"""Settings of `liquidtrack bench mot`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from tracker.config import TrackerConfig
from tracker.offline.config import OfflineConfig


@dataclass(frozen=True, slots=True)
class BenchMotConfig:
    """Compare trackers on the same detections under temporal subsampling, and score them.

    Attributes:
        root: folder of sequences. <sequence>/{det/det.txt, gt/gt.txt, seqinfo.ini}, and gmc.txt where known.
        motions: motion models to compare. A name; NAME/COST for another cost than its own; or liquid:FILE for other
            weights, such as liquid:clean.
        peers: other trackers to compare with. Each runs with and without the true times.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        seeds: seeds of the subsampling. Figures are means over them.
        boxes: detections that are tracked. detected: from det.txt; truth: the true boxes, as perfect detections.
        box_noise: standard deviation of box noise, as a share of the box size.
        false_positives: false positives that are added for each detection.
        whole: track with the whole video as well. Baselines get offline helpers: filled gaps, Gaussian-process
            smoothing, joined tracks; the best for each is chosen on this set.
        camera_motion: use gmc.txt where there is one.
        out: keep the results of every run in this folder.
        json: write all figures to this JSON file.
        plot: plot HOTA against the mean time between frames. A .png, .svg or .pdf; needs matplotlib.
        workers: number of processes. 0 means one for each core.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    root: Positional[Path]
    motions: tuple[str, ...] = ("kalman", "liquid")
    peers: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ("full", "stride5", "drop70", "jitter", "bursty")
    seeds: tuple[int, ...] = (0,)
    boxes: Literal["detected", "truth"] = "detected"
    box_noise: float = 0.0
    false_positives: float = 0.0
    whole: bool = False
    camera_motion: bool = True
    out: Path | None = None
    json: Path | None = None
    plot: Path | None = None
    workers: int = 0
    overwrite: bool = False
    quiet: bool = False
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)

    def __post_init__(self) -> None:
        if not self.profiles or not self.seeds or not (self.motions or self.peers):
            raise ConfigError("bench mot needs a profile, a seed, and a motion or a peer; name at least one of each.")
        for name in ("box_noise", "false_positives"):
            if not 0 <= getattr(self, name) < 10:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a share, 0 or more.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        folders = [f"{profile}-{seed}" for profile in self.profiles for seed in self.seeds]
        made = tuple(f"{folder}/{part}" for folder in folders for part in ("*", "*/*", "*/*/*", "*/*/*/*"))
        tracks = () if self.out is None else (Output("--out", self.out, made),)
        return (*tracks, *file_outputs(self, "json", "plot"))
