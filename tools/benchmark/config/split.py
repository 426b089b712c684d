"""Settings of `liquidtrack bench split`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.offline.config import OfflineConfig


@dataclass(frozen=True, slots=True)
class BenchSplitConfig:
    """Compare recordings tracked in segments with the same recordings tracked in one piece.

    Attributes:
        roots: folders of sequences. <sequence>/gt/gt.txt, with det/det.txt unless --boxes simulated, and gmc.txt where
            known.
        lengths: lengths of the segments, seconds.
        overlaps: seconds that two segments share.
        whole: decide with the whole of a segment.
        boxes: detections that are tracked. detected: from det.txt; simulated: made from the truth.
        camera_motion: use gmc.txt where there is one.
        video: a video instead of folders. It is tracked end to end, once in one piece and once in segments.
        truth: the truth of the video, a label file.
        seed: seed of simulated detections.
        json: write all figures to this JSON file.
        workers: number of processes. 0 means one for each core.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]] = ()
    lengths: tuple[float, ...] = (10.0,)
    overlaps: tuple[float, ...] = (1.0, 2.0, 5.0)
    whole: bool = False
    boxes: Literal["detected", "simulated"] = "detected"
    camera_motion: bool = True
    video: Path | None = None
    truth: Path | None = None
    seed: int = 0
    json: Path | None = None
    workers: int = 0
    overwrite: bool = False
    quiet: bool = False
    detection: DetectorConfig = field(default_factory=DetectorConfig)
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)

    def __post_init__(self) -> None:
        if bool(self.roots) == (self.video is not None):
            raise ConfigError("bench split compares on folders of sequences or on a --video; name one of the two.")
        if (self.video is None) != (self.truth is None):
            raise ConfigError("--video and --truth belong together; name both.")
        if not self.lengths or not self.overlaps:
            raise ConfigError("bench split needs a length and an overlap; name at least one of each.")
        if not all(0 < 2 * overlap <= length for length in self.lengths for overlap in self.overlaps):
            raise ConfigError("an overlap must be above 0, and at most half of each length.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
