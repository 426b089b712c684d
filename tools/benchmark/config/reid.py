"""Settings of `liquidtrack bench reid`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.seconds import Seconds
from models.errors import ConfigError
from tracker.config import TrackerConfig
from tracker.detectors.config import DEFAULT, DetectorConfig
from tracker.reid.config import ReidConfig

FeatureKind = Literal["identity", "bare", "hue"]


@dataclass(frozen=True)
class BenchReturnsConfig:
    """Cut people out of a clip for a while, and measure how often they get their old id, with and without `--reid`.

    Attributes:
        clip: a video, or a MOTChallenge folder with images. Its frame k is frame k + 1 of the ground truth.
        truth: MOTChallenge folder of the clip: gt/gt.txt and seqinfo.ini. Its frameRate is the true rate of the clip.
        detector: detector, as `track` takes it.
        classes: classes of the detector that the ground truth is about.
        same: ids of the ground truth that are one person, as 13,2. Some ground truth gives a returning person a new id.
        gaps: seconds that are cut out of the clip.
        cuts: number of places where each gap is cut out. Spread over the clip.
        context: seconds of the clip that are tracked before and after a gap.
        exits: also hide a part of the image, so that people leave and return.
        full: also track the whole clip. In it no person should get the id of another.
        embeddings: features that are compared, each in a run of its own. identity: as in `track`; bare: the same
            without the metric that is learned on the job; hue: histograms of hue and saturation.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    clip: Positional[Path]
    truth: Positional[Path]
    detector: str = DEFAULT
    classes: tuple[str, ...] = ("person",)
    same: tuple[str, ...] = ()
    gaps: tuple[Seconds, ...] = (5.0, 10.0, 20.0)
    cuts: int = 6
    context: Seconds = 20.0
    exits: bool = True
    full: bool = True
    embeddings: tuple[FeatureKind, ...] = ("identity", "bare", "hue")
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    returning: ReidConfig = field(default_factory=ReidConfig)

    def __post_init__(self) -> None:
        self.groups()
        DetectorConfig(self.detector).kind_and_argument()  # refuses what is no path before anything is read
        if self.cuts < 1:
            raise ConfigError(f"cuts is {self.cuts}; give 1 or more.")
        for name, values in (("gaps", self.gaps), ("context", (self.context,))):
            if not all(value > 0 for value in values):
                raise ConfigError(f"{name} is {values[0] if name == 'context' else values}; give seconds above 0.")

    def groups(self) -> list[list[int]]:
        """The ids of each person who has several."""
        try:
            return [[int(word) for word in text.split(",")] for text in self.same]
        except ValueError:
            raise ConfigError(f"same is {' '.join(self.same)}; give ids parted by commas, such as 13,2.") from None

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
