"""Settings of `liquidtrack mot`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from tools.track.sequences import written
from tracker.config import TrackerConfig
from tracker.offline.config import OfflineConfig
from tracker.schedule.config import LooksConfig


@dataclass(frozen=True, slots=True)
class MotConfig:
    """Track folders of ready detections, as in the MOTChallenge, with sequences in parallel.

    Attributes:
        root: folder of sequences. <sequence>/det/det.txt with times.csv or seqinfo.ini beside it, and gmc.txt where
            known.
        out: output folder. It gets <sequence>.txt and <sequence>.times.csv.
        camera_motion: use gmc.txt where there is one.
        skip_bad_rows: drop malformed rows. Without it the first one is an error.
        whole: decide with the whole video. Doubtful identities once more, with what comes after; boxes are smoothed,
            and filled in short absences.
        workers: number of processes. 0 means one for each core.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    root: Positional[Path]
    out: Positional[Path]
    camera_motion: bool = True
    skip_bad_rows: bool = False
    whole: bool = False
    workers: int = 0
    overwrite: bool = False
    quiet: bool = False
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)
    schedule: LooksConfig = field(default_factory=LooksConfig)

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return (Output("the folder", self.out, written(self.root)),)
