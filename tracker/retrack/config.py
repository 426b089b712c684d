"""Settings of re-tracking. Standard library only: the command line reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.checks.seconds import Seconds
from models.errors import ConfigError

Camera = Literal["given", "flow", "none"]


@dataclass(frozen=True, slots=True)
class RetrackConfig:
    """How one object is followed from a box that a person drew.

    Attributes:
        max_lost: longest absence. An object that is not found for longer is given up, and its rows end where it was
            last found.
        detections: take the boxes of detections that agree with the followed box into account.
        camera: how the camera's own motion is taken out. flow: as the detections say, else from the pixels; given: only
            as they say.
    """

    max_lost: Seconds = 1.5
    detections: bool = True
    camera: Camera = "flow"

    def __post_init__(self) -> None:
        if not 0 < self.max_lost <= 3600:
            raise ConfigError(f"max_lost is {self.max_lost:g} s; give more than 0, up to 3600 seconds.")
