"""Sizes of the localiser. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocaliserConfig:
    """Sizes of the localiser.

    Attributes:
        width: channels of its maps.
        key: channels in which parts of the template are compared with the search region.
        depth: number of residual blocks behind the comparison.
    """

    width: int = 96
    key: int = 48
    depth: int = 3
