"""Settings of tracking with the whole video. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.checks.seconds import Seconds
from models.errors import ConfigError

Fill = Literal["hidden", "short", "none"]


@dataclass(frozen=True, slots=True)
class OfflineConfig:
    """How tracks are made when the whole video is known. All limits are seconds or probabilities, never frames.

    Attributes:
        link: decide doubtful identities again, with what comes before and after.
        smooth: replace detected boxes by the smoothed estimate of all detections of their track.
        fill: absences that get boxes. short: those of a few missed detections; hidden: also those in which another
            object covers this one, for data in which hidden objects count; none.
        max_absence: longest absence over which a track can continue, seconds.
        link_probability: lowest probability of a link between two pieces of a track.
        link_head: weights of the link head, a file. By default those of the package.
    """

    link: bool = True
    smooth: bool = True
    fill: Fill = "short"
    max_absence: Seconds = 10.0
    link_probability: float = 0.5
    link_head: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.link_probability < 1:
            raise ConfigError(f"link_probability is {self.link_probability}; give a probability between 0 and 1.")
        if not self.max_absence > 0:
            raise ConfigError(f"max_absence is {self.max_absence}; give a positive number of seconds.")
