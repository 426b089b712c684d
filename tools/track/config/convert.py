"""Settings of `liquidtrack convert`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from datasets.formats.config import LabelConfig
from datasets.formats.layout import LAYOUTS, by_suffix
from datasets.output_guard.guard import Output

FormatName = Literal["mot", "jsonl", "coco", "cvat", "yolo", "kitti", "labelstudio", "csv", "parquet"]


@dataclass(frozen=True, slots=True)
class ConvertConfig:
    """Convert labels between annotation formats. What both formats can hold is kept; times and empty frames always.
    What the output cannot hold is named.

    Attributes:
        input: labels to read. A label file (also .gz), a YOLO folder, a MOTChallenge sequence, or a project of
            corrected tracks (.liquidtrack).
        output: labels to write. .txt (MOTChallenge), .jsonl, .json (COCO), .xml (CVAT), .csv, .parquet, or a folder
            (YOLO).
        from_format: format of the input. By default its name and content tell.
        to_format: format of the output. By default its suffix tells.
        skip_bad_rows: drop malformed rows. Without it the first one is an error.
        rate: frames a second of labels without times.
        size: image size as WIDTHxHEIGHT, for labels that do not hold it. YOLO needs it.
        images: folder of the images that COCO names. In order of their names; by default COCO names frame_000000.jpg
            and so on, as CVAT names the frames of a video.
        classes: names of the classes to keep. By default all.
        accepted: keep only tracks that a person accepted.
        keys: keep only boxes that a person drew or confirmed. CVAT and Label Studio interpolate between them, and keep
            where each object is present.
        keep_rate: keep at most so many frames a second.
        labels: how label files are written.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    input: Positional[Path]
    output: Positional[Path]
    from_format: Annotated[FormatName | None, arg(aliases=("--from",))] = None
    to_format: Annotated[FormatName | None, arg(aliases=("--to",))] = None
    skip_bad_rows: bool = False
    rate: float | None = None
    size: str | None = None
    images: Path | None = None
    classes: tuple[str, ...] = ()
    accepted: bool = False
    keys: bool = False
    keep_rate: float | None = None
    overwrite: bool = False
    labels: LabelConfig = field(default_factory=LabelConfig)

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return (LAYOUTS[self.to_format or by_suffix(self.output)].output("the result", self.output),)
