"""Settings of `--reid`. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ReidConfig:
    """Re-identification: whether an object that returns after a long absence gets its old id.

    Attributes:
        reid: give returning objects their old id. By appearance, within one video; a new track is shown once it is
            decided whether it is a known one, at the latest after --reid-wait seconds.
        reid_metric: metric that `train reid` wrote. Without it the embeddings are compared as they are.
        reid_probability: lowest probability that a new track is a known one. Against all other known identities and an
            unknown one.
        reid_wait: seconds for which a new track may be held back. Only where a known identity may have returned.
        reid_memory: seconds for which ended identities are remembered.
        reid_gallery_size: number of ended identities that are remembered. The oldest are forgotten first.
        reid_crops: crops of a frame that are encoded at most. Each takes two passes of the frozen CNN.
    """

    reid: bool = False
    reid_metric: Path | None = None
    reid_probability: float = 0.8
    reid_wait: Seconds = 0.5
    reid_memory: Seconds = 600.0
    reid_gallery_size: int = 100
    reid_crops: int = 4

    def __post_init__(self) -> None:
        if not 0.5 < self.reid_probability < 1:
            raise ConfigError(f"reid_probability is {self.reid_probability}; give one above .5 and below 1.")
        if not 0 <= self.reid_wait < math.inf:
            raise ConfigError(f"reid_wait is {self.reid_wait}; give seconds, 0 or more.")
        if not self.reid_memory > 0:
            raise ConfigError(f"reid_memory is {self.reid_memory}; give a positive number of seconds.")
        for name in ("reid_gallery_size", "reid_crops"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give 1 or more.")
