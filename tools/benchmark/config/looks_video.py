"""Settings of `liquidtrack bench looks-video`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import check_ranges
from models.errors import ConfigError
from tracker.detectors.config import DEFAULT, DetectorConfig
from tracker.schedule.config import LooksConfig


@dataclass(frozen=True, slots=True)
class BenchLooksVideoConfig:
    """Track a video with fewer and fewer looks: tracks at every frame's truth, and real seconds of the whole command.

    Attributes:
        source: a video, or a folder with img1. Its frame k is frame k + 1 of the truth.
        truth: folder of its truth. gt/gt.txt and seqinfo.ini, whose frameRate is the clock of a video file.
        detectors: detectors, as `track` takes them.
        budgets: values of --looks. Each is run with each detector; the first is what the others are compared with.
        classes: classes of the detector that the ground truth is about.
        score: lowest score of a detection.
        nms: IoU above which one of two detections is dropped.
        whole: decide with the whole video.
        rounds: runs of each; the shortest time counts.
        threads: threads of the networks. 0: one for each core.
        out: keep the tracks of every run in this folder.
        json: write all figures to this JSON file.
        plot: plot HOTA against the share of looks and against seconds. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    source: Positional[Path]
    truth: Positional[Path]
    detectors: tuple[str, ...] = (DEFAULT,)
    budgets: tuple[str, ...] = ("all", "0.1", "0.2", "0.4", "auto")
    classes: tuple[str, ...] = ("person",)
    score: float = 0.1
    nms: float = 0.5
    whole: bool = False
    rounds: int = 1
    threads: int = 0
    out: Path | None = None
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if not self.budgets or not self.detectors:
            raise ConfigError("bench looks-video needs a detector and a budget; name one of each, or more.")
        for name in self.detectors:
            DetectorConfig(name).kind_and_argument()
        for looks in self.budgets:
            LooksConfig(looks)
        check_ranges(self, {"rounds": (1, 1000), "threads": (0, 1024)})

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        tracks = () if self.out is None else (Output("--out", self.out, ("*",)),)
        return (*tracks, *file_outputs(self, "json", "plot"))
