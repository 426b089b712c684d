"""Settings of `liquidtrack bench vfr`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from tracker.appearance.config import AppearanceConfig
from tracker.config import TrackerConfig


@dataclass(frozen=True)
class BenchVfrConfig:
    """Re-time a real clip unevenly, track it from its pixels, and measure what becomes of its times and its tracks.

    Attributes:
        clip: a real video at a steady rate; its frame k is the truth's frame k + 1.
        truth: the clip's MOTChallenge folder: gt/gt.txt and seqinfo.ini; its frameRate is the clip's true clock.
        network: the detector, as `--detector` takes it.
        classes: the detector's classes that the truth is about.
        profiles: how the clip is thinned, each a run of its own.
        seed: of the thinning.
        peers: other trackers on the same detections: sort, bytetrack, ocsort, cbiou, arcsort; none where it is empty.
        work: keep the clips and results in this folder; a temporary one otherwise.
        json: write the figures to this file as well.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    clip: Positional[Path]
    truth: Positional[Path]
    network: str
    classes: tuple[str, ...] = ("person",)
    profiles: tuple[str, ...] = ("full", "stride5", "drop70", "jitter", "bursty")
    seed: int = 0
    peers: tuple[str, ...] = ("bytetrack", "ocsort", "cbiou")
    work: Path | None = None
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    appearance_features: AppearanceConfig = field(default_factory=AppearanceConfig)
    tracking: TrackerConfig = field(default_factory=TrackerConfig)

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        made = tuple(f"{profile}/{part}" for profile in self.profiles for part in ("*", "*/*", "*/*/*"))
        work = () if self.work is None else (Output("--work", self.work, made),)
        return (*work, *file_outputs(self, "json"))
