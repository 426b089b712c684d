"""Settings of `liquidtrack bench mot`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from tracker.config import TrackerConfig


@dataclass(frozen=True, slots=True)
class BenchMotConfig:
    """Track the same detections under thinned time with our motions and with peers, and score them all.

    Attributes:
        root: holds <sequence>/{det/det.txt, gt/gt.txt, seqinfo.ini}, and gmc.txt where known.
        motions: ours; a name, NAME/COST for another cost than its own, or liquid:FILE for other weights of the head.
        peers: of other people (bytetrack, ocsort, cbiou, sort, arcsort), each with and without true times.
        profiles: how frames are left out.
        seeds: of the thinning; figures are means over them.
        boxes: detected, from det.txt, or truth: the true boxes as perfect detections.
        noise: standard deviation by which every edge of a box is moved, in the box's own size.
        alarms: false detections added for each detection.
        camera_motion: use gmc.txt where there is one.
        out: keeps the results of every run here instead of dropping them.
        json: write the figures here too.
        plot: picture of HOTA against the mean time between frames (.png, .svg or .pdf); needs matplotlib.
        workers: processes; 0 means one for each core.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    root: Positional[Path]
    motions: tuple[str, ...] = ("kalman", "liquid")
    peers: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ("full", "stride5", "drop70", "jitter", "bursty")
    seeds: tuple[int, ...] = (0,)
    boxes: Literal["detected", "truth"] = "detected"
    noise: float = 0.0
    alarms: float = 0.0
    camera_motion: bool = True
    out: Path | None = None
    json: Path | None = None
    plot: Path | None = None
    workers: int = 0
    overwrite: bool = False
    quiet: bool = False
    tracking: TrackerConfig = field(default_factory=TrackerConfig)

    def __post_init__(self) -> None:
        if not self.profiles or not self.seeds or not (self.motions or self.peers):
            raise ConfigError("bench mot needs a profile, a seed, and a motion or a peer; name at least one of each.")
        for name in ("noise", "alarms"):
            if not 0 <= getattr(self, name) < 10:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a share, 0 or more.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        folders = [f"{profile}-{seed}" for profile in self.profiles for seed in self.seeds]
        made = tuple(f"{folder}/{part}" for folder in folders for part in ("*", "*/*", "*/*/*", "*/*/*/*"))
        tracks = () if self.out is None else (Output("--out", self.out, made),)
        return (*tracks, *file_outputs(self, "json", "plot"))
