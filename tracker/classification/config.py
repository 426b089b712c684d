"""Settings of recognition. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class RecogniseConfig:
    """Fine-grained classification of tracks.

    Attributes:
        recognise: name fine-grained classes, such as beagle for dog. imagenet: one of the 1000 classes of ImageNet,
            where it is probable enough.
        recognise_crops: crops of a frame that are classified at most. Each takes a pass of the frozen CNN.
        recognise_every: seconds between two crops of one track. Ten times as long once its class is certain.
        recognise_from: probability from which a fine-grained class is given. Above 0 and below 1.
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
