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
from tracker.reid.config import ReidConfig

Looks = Literal["identity", "bare", "hue"]


@dataclass(frozen=True)
class BenchReturnsConfig:
    """Take people out of a real clip for a while, and measure who gets his id back with and without `--reid`.

    Attributes:
        clip: a real video or a MOTChallenge folder with pictures; its frame k is the truth's frame k + 1.
        truth: the clip's MOTChallenge folder: gt/gt.txt and seqinfo.ini; its frameRate is the clip's true clock.
        network: the detector, as `--detector` takes it.
        classes: the detector's classes that the truth is about.
        same: ids of the truth that are one person, such as 13,2: some truths give who comes back a new id.
        gaps: seconds that are cut out of the clip.
        places: how many places each gap is cut out at, spread over the clip.
        around: seconds of the clip that are tracked before a gap, and after it.
        rooms: also leave out all that lies outside of one part of the picture, so that people walk out of it and back.
        full: also track the whole clip, in which nobody should get the id of somebody else.
        looks: by what people are known again: identity (as in `track`), bare (the same features, with no metric learnt
            on the job), hue (histograms of hue and saturation), each a run of its own beside the one without.
        json: write the figures to this file as well.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    clip: Positional[Path]
    truth: Positional[Path]
    network: str = "lite0"
    classes: tuple[str, ...] = ("person",)
    same: tuple[str, ...] = ()
    gaps: tuple[Seconds, ...] = (5.0, 10.0, 20.0)
    places: int = 6
    around: Seconds = 20.0
    rooms: bool = True
    full: bool = True
    looks: tuple[Looks, ...] = ("identity", "bare", "hue")
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    returning: ReidConfig = field(default_factory=ReidConfig)

    def __post_init__(self) -> None:
        self.groups()
        if self.places < 1:
            raise ConfigError(f"places is {self.places}; give 1 or more.")
        for name, values in (("gaps", self.gaps), ("around", (self.around,))):
            if not all(value > 0 for value in values):
                raise ConfigError(f"{name} is {values[0] if name == 'around' else values}; give seconds above 0.")

    def groups(self) -> list[list[int]]:
        """The ids of each person who has several."""
        try:
            return [[int(word) for word in text.split(",")] for text in self.same]
        except ValueError:
            raise ConfigError(f"same is {' '.join(self.same)}; give ids parted by commas, such as 13,2.") from None

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
