"""Settings of `liquidtrack convert`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from datasets.formats.config import LabelConfig
from datasets.formats.layout import LAYOUTS, by_suffix
from datasets.output_guard.guard import Output

FormatName = Literal["mot", "jsonl", "coco", "cvat", "yolo", "kitti"]


@dataclass(frozen=True, slots=True)
class ConvertConfig:
    """Convert labels between annotation formats; what both formats can say is kept, times and empty frames always.

    Attributes:
        a: what to read: a label file (also .gz), a YOLO folder or a MOTChallenge sequence.
        b: what to write: .txt (MOTChallenge), .jsonl, .json (COCO), .xml (CVAT), or a folder (YOLO).
        from_format: the format of A; by default its name and content tell.
        to_format: the format of B; by default its suffix tells.
        skip_bad_rows: drop rows that break the format instead of stopping at the first.
        rate: frames a second, for files that know no times.
        size: the pictures' size as WIDTHxHEIGHT, for files that do not say it (YOLO needs it).
        images: a folder of the frames' pictures, in order of their names, which COCO then names; by default it names
            frame_000000.jpg and so on, as CVAT names the frames of a video.
        labels: how label files are written.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
    """

    a: Positional[Path]
    b: Positional[Path]
    from_format: Annotated[FormatName | None, arg(aliases=("--from",))] = None
    to_format: Annotated[FormatName | None, arg(aliases=("--to",))] = None
    skip_bad_rows: bool = False
    rate: float | None = None
    size: str | None = None
    images: Path | None = None
    overwrite: bool = False
    labels: LabelConfig = field(default_factory=LabelConfig)

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return (LAYOUTS[self.to_format or by_suffix(self.b)].output("the result", self.b),)
