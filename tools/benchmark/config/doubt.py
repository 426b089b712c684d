"""Settings of `liquidtrack bench doubt`."""

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
class BenchDoubtConfig:
    """Measure how well tracking with the whole video knows where it may be wrong.

    Attributes:
        roots: folders of sequences. <sequence>/{det/det.txt, gt/gt.txt, seqinfo.ini}, and gmc.txt where known.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        seed: seed of the subsampling and of the bootstrap.
        boxes: detections that are tracked. detected: from det.txt; truth: the true boxes, as perfect detections.
        camera_motion: use gmc.txt where there is one.
        online: measure online tracking as well. Its margins are the reference.
        json: write all figures to this JSON file.
        plot: plot reliability, and the identity changes among the least sure links. A .png, .svg or .pdf; needs
            matplotlib.
        workers: number of processes. 0 means one for each core.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]]
    profiles: tuple[str, ...] = ("full",)
    seed: int = 0
    boxes: Literal["detected", "truth"] = "detected"
    camera_motion: bool = True
    online: bool = True
    json: Path | None = None
    plot: Path | None = None
    workers: int = 0
    overwrite: bool = False
    quiet: bool = False
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)

    def __post_init__(self) -> None:
        if not self.roots or not self.profiles:
            raise ConfigError("bench doubt needs a folder and a profile; name at least one of each.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json", "plot")
