"""Settings of `liquidtrack refine`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from datasets.formats.config import LabelConfig
from datasets.formats.layout import LAYOUTS, by_suffix
from datasets.output_guard.guard import Output, file_outputs
from tools.track.config.convert import FormatName
from tracker.offline.config import OfflineConfig


@dataclass(frozen=True, slots=True)
class RefineConfig:
    """Decide, smooth and fill finished tracks with the whole video. Tracks of any tracker or annotation tool.

    Attributes:
        tracks: tracks to refine. In any format that `convert` reads: MOTChallenge, JSON lines, COCO, CVAT,
            YOLO, KITTI, Label Studio, CSV, Parquet.
        output: labels to write. .txt (MOTChallenge), .jsonl, .json (COCO), .xml (CVAT), .csv, .parquet, or a folder
            (YOLO).
        detections: detections of the same video, for the absences of the tracks. One that lies where a box would be
            filled takes its place; those on a box of a track are left out.
        from_format: format of the tracks. By default name and content tell.
        to_format: format of the output. By default its suffix tells.
        skip_bad_rows: drop malformed rows. Without it the first one is an error.
        rate: frames a second of labels without times.
        size: image size as WIDTHxHEIGHT, for labels that do not hold it. YOLO needs it.
        doubt: write the doubtful decisions as JSON lines. In order of time: kind (link, start, end), frames, seconds,
            ids, and the probability that the decision is right.
        labels: how label files are written.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    tracks: Positional[Path]
    output: Positional[Path]
    detections: Path | None = None
    from_format: Annotated[FormatName | None, arg(aliases=("--from",))] = None
    to_format: Annotated[FormatName | None, arg(aliases=("--to",))] = None
    skip_bad_rows: bool = False
    rate: float | None = None
    size: str | None = None
    doubt: Path | None = None
    overwrite: bool = False
    offline: OfflineConfig = field(default_factory=OfflineConfig)
    labels: LabelConfig = field(default_factory=LabelConfig)

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        result = LAYOUTS[self.to_format or by_suffix(self.output)].output("the result", self.output)
        return (result, *file_outputs(self, "doubt"))
