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
        classify: name fine-grained classes, such as beagle for dog. imagenet: one of the 1000 classes of ImageNet,
            where it is probable enough.
        classify_crops: crops of a frame that are classified at most. Each takes a pass of the frozen CNN.
        classify_interval: seconds between two crops of one track. Ten times as long once its class is certain.
        classify_probability: probability from which a fine-grained class is given. Above 0 and below 1.
    """

    classify: Literal["none", "imagenet"] = "none"
    classify_crops: int = 2
    classify_interval: Seconds = 0.2
    classify_probability: float = 0.5

    def __post_init__(self) -> None:
        if self.classify_crops < 1:
            raise ConfigError(f"classify_crops is {self.classify_crops}; give 1 or more.")
        if not 0 <= self.classify_interval < float("inf"):
            raise ConfigError(f"classify_interval is {self.classify_interval}; give seconds, 0 or more.")
        if not 0 < self.classify_probability < 1:
            raise ConfigError(
                f"classify_probability is {self.classify_probability}; give a probability between 0 and 1."
            )
