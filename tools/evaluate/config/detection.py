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
    """Score a detector on labelled images: mean average precision of COCO, for each class and over all.

    Classes are those of --classes, else those that the labels are complete for (info.complete_for) and the detector
    knows. For this command --score is 0.001 by default, since average precision looks at all scores.

    Attributes:
        truth: ground truth. COCO JSON of boxes, or a folder that holds instances.json.
        images: folder of the images. By default images/ beside the JSON file, else its own folder.
        rename: class names of the detector that differ from the ground truth, as walker=person. Several may become one.
        every: take only every n-th image.
        limit: take at most so many images.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    truth: Positional[Path]
    images: Path | None = None
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
