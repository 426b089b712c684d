"""Settings of `liquidtrack bench vfr`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from tracker.appearance.config import AppearanceConfig
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.offline.config import OfflineConfig


@dataclass(frozen=True)
class BenchVfrConfig:
    """Re-time a clip unevenly, track it from its pixels, and measure its times and its tracks.

    Attributes:
        clip: a video at a steady rate. Its frame k is frame k + 1 of the ground truth.
        truth: MOTChallenge folder of the clip: gt/gt.txt and seqinfo.ini. Its frameRate is the true rate of the clip.
        detector: detector, as `track` takes it.
        classes: classes of the detector that the ground truth is about.
        profiles: temporal subsampling profiles. How frames are left out; strideN takes any N. Several give one result
            each.
        seed: seed of the subsampling.
        peers: other trackers on the same detections. None where it is empty.
        whole: track with the whole clip as well. Baselines get offline helpers: filled gaps, Gaussian-process
            smoothing, joined tracks.
        work: keep clips and results in this folder. By default a temporary one.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    clip: Positional[Path]
    truth: Positional[Path]
    detector: str
    classes: tuple[str, ...] = ("person",)
    profiles: tuple[str, ...] = ("full", "stride5", "drop70", "jitter", "bursty")
    seed: int = 0
    peers: tuple[str, ...] = ("bytetrack", "ocsort", "cbiou")
    whole: bool = False
    work: Path | None = None
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    appearance_features: AppearanceConfig = field(default_factory=AppearanceConfig)
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)

    def __post_init__(self) -> None:
        DetectorConfig(self.detector).kind_and_argument()  # refuses what is no path before anything is read

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        made = tuple(f"{profile}/{part}" for profile in self.profiles for part in ("*", "*/*", "*/*/*"))
        work = () if self.work is None else (Output("--work", self.work, made),)
        return (*work, *file_outputs(self, "json"))
