"""Settings of mask propagation. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class MaskConfig:
    """How masks are propagated from frame to frame.

    Attributes:
        mask_motion: motion model that predicts where an object is searched.
        mask_cells: cells along a side of the search window. More cells give finer masks and take longer.
        mask_recent: latest frames that are remembered, besides the first one.
        mask_spaced: older frames that are remembered, some time apart.
        mask_edges: refine outlines along the edges of the image. With a guided filter.
    """

    mask_motion: Literal["liquid", "kalman"] = "liquid"
    mask_cells: int = 48
    mask_recent: int = 2
    mask_spaced: int = 1
    mask_edges: bool = True

    def __post_init__(self) -> None:
        if not 16 <= self.mask_cells <= 128 or self.mask_cells % 4:
            raise ConfigError(f"mask_cells is {self.mask_cells}; give a multiple of 4 from 16 to 128.")
        if not 1 <= self.mask_recent <= 32:
            raise ConfigError(f"mask_recent is {self.mask_recent}; give 1 to 32.")
        if not 0 <= self.mask_spaced <= 32:
            raise ConfigError(f"mask_spaced is {self.mask_spaced}; give 0 to 32.")


@dataclass(frozen=True, slots=True)
class OutlineConfig:
    """Outlines: a mask for every track, from its detected boxes.

    Attributes:
        outlines: give every track a mask. It starts where the object is first seen clearly, and follows it from frame
            to frame together with its boxes.
        outline_most: most outlines that are started or followed in a frame. Those that changed most come first; the
            masks of others move with their boxes.
        outline_budget: seconds a frame that outlines may take. By default 0.1 for cameras and streams, and no limit for
            recordings, whose results would depend on the machine.
    """

    outlines: bool = False
    outline_most: int = 16
    outline_budget: Seconds | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.outline_most <= 100:
            raise ConfigError(f"outline_most is {self.outline_most}; give 1 to 100.")
        if self.outline_budget is not None and not 0 < self.outline_budget < math.inf:
            raise ConfigError(f"outline_budget is {self.outline_budget}; give a positive number of seconds.")
        if not self.outlines and (self.outline_most, self.outline_budget) != (16, None):
            raise ConfigError("outline_most and outline_budget belong to outlines; add --outlines, or leave them out.")
