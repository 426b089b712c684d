"""Settings of `liquidtrack bench looks`."""

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
class BenchLooksConfig:
    """Score tracks of few looks against the truth of every frame.

    The schedule is compared with looks at every n-th frame and at random, at the same number of looks, and with other
    trackers that see every n-th frame and whose boxes are joined by straight lines.

    Attributes:
        root: folder of sequences. <sequence>/{det/det.txt, gt/gt.txt, seqinfo.ini}, and gmc.txt where known.
        budgets: shares of the frames that are looked at. Above 0, up to 1.
        auto: run --looks auto as well.
        random: run looks at random as well.
        peers: other trackers to compare with. Each runs with and without the true times.
        boxes: detections that are tracked. detected: from det.txt; truth: the true boxes, as perfect detections.
        whole: track with the whole video as well.
        seed: seed of the random looks.
        camera_motion: use gmc.txt where there is one.
        out: keep the results of every run in this folder.
        json: write all figures to this JSON file.
        plot: plot HOTA against the share of looks. A .png, .svg or .pdf; needs matplotlib.
        workers: number of processes. 0 means one for each core.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    root: Positional[Path]
    budgets: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.4, 1.0)
    auto: bool = True
    random: bool = True
    peers: tuple[str, ...] = ()
    boxes: Literal["detected", "truth"] = "detected"
    whole: bool = True
    seed: int = 0
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
        if not self.budgets:
            raise ConfigError("bench looks needs a budget; name one or more, such as --budgets 0.1 0.2.")
        for share in self.budgets:
            if not 0 < share <= 1:
                raise ConfigError(f"a budget is {share}; give shares of the frames, above 0 and up to 1.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        tracks = () if self.out is None else (Output("--out", self.out, ("*", "*/*", "*/*/*", "*/*/*/*")),)
        return (*tracks, *file_outputs(self, "json", "plot"))
