"""Settings of recognition. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class RecogniseConfig:
    """A second look at what is tracked: which of ImageNet's 1000 classes it is of.

    Attributes:
        recognise: imagenet: name the kind (beagle for dog, minivan for car) where it is likely enough; none.
        recognise_crops: boxes that are looked at in a frame at most, each a pass of the frozen CNN.
        recognise_every: seconds between two looks at one track; ten times as long once its kind is sure.
        recognise_from: probability from which a kind is said, above 0 and below 1.
    """

    recognise: Literal["none", "imagenet"] = "none"
    recognise_crops: int = 2
    recognise_every: Seconds = 0.2
    recognise_from: float = 0.5

    def __post_init__(self) -> None:
        if self.recognise_crops < 1:
            raise ConfigError(f"recognise_crops is {self.recognise_crops}; give 1 or more.")
        if not 0 <= self.recognise_every < float("inf"):
            raise ConfigError(f"recognise_every is {self.recognise_every}; give seconds, 0 or more.")
        if not 0 < self.recognise_from < 1:
            raise ConfigError(f"recognise_from is {self.recognise_from}; give a probability between 0 and 1.")
