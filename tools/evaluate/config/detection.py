"""Settings of `liquidtrack eval detection`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from tracker.detectors.config import DetectorConfig


@dataclass(frozen=True, slots=True)
class EvalDetectConfig:
    """Score a detector on labelled pictures: COCO's mean average precision, per class and over all.

    Classes are those of --classes, else those that the labels are complete for (info.complete_for) and the detector
    knows. For this command --score is .001 by default, since average precision looks at all scores.

    Attributes:
        truth: COCO json of boxes, or a folder that holds instances.json.
        pictures: folder that the json's file names are in; by default images/ beside the json, else its own folder.
        rename: the detector's class names where the truth has others, as walker=person; several may become one.
        every: take only every n-th picture.
        limit: take at most so many pictures.
        json: write all figures to this file as well.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    truth: Positional[Path]
    pictures: Path | None = None
    rename: tuple[str, ...] = ()
    every: int = 1
    limit: int | None = None
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    detection: DetectorConfig = field(default_factory=DetectorConfig)

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"every is {self.every}; give 1 or more.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit is {self.limit}; give 1 or more.")
        for pair in self.rename:
            if pair.count("=") != 1 or not all(part.strip() for part in pair.split("=")):
                raise ConfigError(f"rename is {pair!r}; write the detector's name and the truth's, as walker=person.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
