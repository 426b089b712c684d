"""Settings of `liquidtrack batch`. Nothing here imports more than dataclasses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from tyro.conf import Positional

from datasets.formats.config import LabelConfig
from datasets.sources.config import SourceConfig
from models.checks.seconds import Seconds
from models.errors import ConfigError
from tools.batch.engines.config import EngineConfig
from tools.display.config import ViewConfig
from tools.track.config.box_prompts import PointConfig
from tools.track.config.mask_prompts import MarkConfig
from tracker.appearance.config import AppearanceConfig
from tracker.classification.config import RecogniseConfig
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.masks.config import MaskConfig, OutlineConfig
from tracker.offline.config import OfflineConfig
from tracker.pipeline.config import CameraMotionName
from tracker.reid.config import ReidConfig
from tracker.schedule.config import LooksConfig

FormatName = Literal[
    "jsonl",
    "video",
    "mot",
    "csv",
    "parquet",
    "coco",
    "cvat",
    "yolo",
    "kitti",
    "labelstudio",
    "masks",
    "images",
    "doubt",
]
# What stands behind the name of a recording. A folder has no suffix of a file; none is a beginning of another.
ENDINGS: dict[str, str] = {
    "jsonl": ".jsonl",
    "video": ".tracked.mp4",
    "mot": ".txt",
    "csv": ".csv",
    "parquet": ".parquet",
    "coco": ".coco.json",
    "cvat": ".cvat.xml",
    "yolo": ".yolo",
    "kitti": ".kitti.txt",
    "labelstudio": ".labelstudio.json",
    "masks": ".masks",
    "images": ".images",
    "doubt": ".doubt.jsonl",
}


@dataclass(frozen=True)
class RecordingConfig:
    """How one recording is tracked; also the settings that a file beside it may hold.

    Attributes:
        formats: what is written for each recording. As the options of track of the same names; video is
            <name>.tracked.mp4.
        camera_motion: how camera motion is compensated. auto: estimated from the pixels while the background moves.
            flow: in every frame.
        skip_bad_rows: drop malformed rows of a file of detections. Without it such a row is an error.
        keep_ids: write tracks read by --detector file: with their ids. Nothing is matched; boxes without an id are
            dropped.
        whole: decide with the whole video. Doubtful identities are decided with what comes after, boxes are smoothed,
            and short absences filled; the video is read a second time where images are needed.
        horizon: seconds of future that a decision of --whole uses, so that memory stays bounded. By default all of the
            video.
        split: cut recordings into segments of so many seconds, which are tracked at the same time. Tracks are joined
            where segments overlap; a recording that cannot be cut is tracked in one piece.
        split_overlap: seconds that two segments share. By default 10, or --max-age if that is longer; a segment is
            twice as long at least.
    """

    formats: tuple[FormatName, ...] = ("jsonl", "video")
    camera_motion: CameraMotionName = "auto"
    skip_bad_rows: bool = False
    keep_ids: bool = False
    whole: bool = False
    horizon: Seconds | None = None
    split: Seconds | None = None
    split_overlap: Seconds | None = None
    reading: SourceConfig = field(default_factory=SourceConfig)
    detection: DetectorConfig = field(default_factory=DetectorConfig)
    pointing: PointConfig = field(default_factory=PointConfig)
    appearance_features: AppearanceConfig = field(default_factory=AppearanceConfig)
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)
    schedule: LooksConfig = field(default_factory=LooksConfig)
    outlining: OutlineConfig = field(default_factory=OutlineConfig)
    marking: MarkConfig = field(default_factory=MarkConfig)
    propagation: MaskConfig = field(default_factory=MaskConfig)
    returning: ReidConfig = field(default_factory=ReidConfig)
    recognition: RecogniseConfig = field(default_factory=RecogniseConfig)
    view: ViewConfig = field(default_factory=ViewConfig)
    labels: LabelConfig = field(default_factory=LabelConfig)

    def __post_init__(self) -> None:
        if not self.formats:
            raise ConfigError(f"formats is empty; name what is written: {', '.join(ENDINGS)}.")
        if self.split is None and self.split_overlap is not None:
            raise ConfigError("--split-overlap belongs to --split; add --split SECONDS, or leave it out.")
        if self.formats == ("doubt",):
            raise ConfigError(
                "formats is doubt alone, which tells of tracks; name a format for them too, such as jsonl."
            )
        if self.pointing.select:
            raise ConfigError(
                "--select needs a person at a window; give boxes with --box, also for one recording alone."
            )


@dataclass(frozen=True)
class BatchConfig:
    """Track many recordings: a folder, a glob, or a list.

    Running the same command again goes on where it was ended, on any machine: a recording is done when <name>.run.json
    stands beside its results.

    Attributes:
        recordings: a folder, a glob, or a CSV file. A folder is searched with all that is in it. The column recording
            of a CSV file (or its first) names the recordings, further columns are settings of them.
        out: folder of the results, which must be named. It gets the folders of the recordings.
        include: take only recordings that match a pattern, such as '*/cam1*.mkv'. Patterns are compared with the path
            below the folder and with the name; any of them may match.
        exclude: leave out recordings and folders that match a pattern.
        pictures: take folders of pictures as recordings too. Those with a times.csv or a seqinfo.ini are taken always.
        again: which recordings are tracked again. no: none that is done; changed: those whose settings, source or
            version changed; failed: those that were set aside with an error; all: every one.
        shard: part of the recordings, such as 2/8. For job arrays: 1/8 to 8/8 together take every recording once,
            chosen by a hash of its name.
        watch: go on and take recordings as they arrive. Until Ctrl-C.
        settle: seconds for which the size and the time of a recording must stay the same before --watch takes it.
        report: page about all recordings, .html or .md. It is written into the folder of the results.
        table: table of all recordings. summary.csv and, with the extra parquet, summary.parquet.
        dry_run: list the recordings and what would be done, and do nothing.
        progress_json: print a JSON object a line about every step, for programs.
        overwrite: replace existing files. Also those that were made by hand or by another command.
        quiet: show no progress and no summary.
    """

    recordings: Positional[str]
    out: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    pictures: bool = False
    again: Literal["no", "changed", "failed", "all"] = "no"
    shard: str = ""
    watch: bool = False
    settle: Seconds = 5.0
    report: str = "report.html"
    table: tuple[Literal["csv", "parquet"], ...] = ("csv",)
    dry_run: bool = False
    progress_json: bool = False
    overwrite: bool = False
    quiet: bool = False
    engine: EngineConfig = field(default_factory=EngineConfig)
    recording: RecordingConfig = field(default_factory=RecordingConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.settle < float("inf"):
            raise ConfigError(f"settle is {self.settle}; give seconds, 0 or more.")
        if not re.fullmatch(r"[^/\\]+\.(html|md)", self.report):
            raise ConfigError(f"report is {self.report!r}; give a name that ends in .html or .md.")
        self.part()

    def part(self) -> tuple[int, int]:
        """(i, n) of `shard`, i from 0; (0, 1) where it is all of them.

        Raises:
            ConfigError: it is no such pair.
        """
        if not self.shard:
            return 0, 1
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", self.shard.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise ConfigError(f"shard is {self.shard!r}; give i/n with i from 1 to n, such as 2/8.")
        return int(found[1]) - 1, int(found[2])
