"""Settings of mask propagation. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class MaskConfig:
    """How masks are carried from frame to frame.

    Attributes:
        mask_motion: what foresees where an object will be, and so where it is looked for: liquid or kalman.
        mask_cells: cells a side of the square that an object is looked at in; more see finer and cost more.
        mask_recent: how many of the latest frames are remembered, besides the first one.
        mask_spaced: how many older frames are remembered, some time apart.
        mask_edges: draw outlines to the edges of the picture.
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
