"""Settings of `--reid`. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ReidConfig:
    """Whether whoever comes back after a long absence gets the old id again.

    Attributes:
        reid: know identities again by their looks; a new track is then shown once it is known whether it is somebody
            who was here before, at the latest after --reid-wait seconds.
        reid_metric: a metric that `train reid` wrote, in place of the bare features.
        reid_probability: least probability that a new track is somebody of before, against all others and nobody.
        reid_wait: seconds for which a new track may be held back, where somebody of before may have come back.
        reid_seconds: how long identities that ended are remembered, in seconds.
        reid_count: how many identities that ended are remembered; the longest gone are forgotten first.
        reid_looks: how many boxes of a frame are looked at, at most; each costs two passes of the frozen CNN.
    """

    reid: bool = False
    reid_metric: Path | None = None
    reid_probability: float = 0.8
    reid_wait: Seconds = 0.5
    reid_seconds: Seconds = 600.0
    reid_count: int = 100
    reid_looks: int = 4

    def __post_init__(self) -> None:
        if not 0.5 < self.reid_probability < 1:
            raise ConfigError(f"reid_probability is {self.reid_probability}; give one above .5 and below 1.")
        if not 0 <= self.reid_wait < math.inf:
            raise ConfigError(f"reid_wait is {self.reid_wait}; give seconds, 0 or more.")
        if not self.reid_seconds > 0:
            raise ConfigError(f"reid_seconds is {self.reid_seconds}; give a positive number of seconds.")
        for name in ("reid_count", "reid_looks"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give 1 or more.")
