"""What the user marks to be followed. Standard library only, for the command line reads it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from models.errors import ConfigError
from tracker.single_object.box_prompt import numbers_at


@dataclass(frozen=True, slots=True)
class MarkConfig:
    """Objects to follow by their masks, without or beside a detector.

    Attributes:
        mask: image of object numbers for the first frame. A PNG with a palette or in grey, as in DAVIS.
        mask_box: x,y,w,h@seconds of an object to segment. GrabCut finds its outline inside the box; @seconds may be
            left out.
        mask_polygon: x1,y1,x2,y2,x3,y3,...@seconds around an object to segment. @seconds may be left out.
    """

    mask: Path | None = None
    mask_box: tuple[str, ...] = ()
    mask_polygon: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in self.mask_box:
            box, _ = parse_mark("mask-box", text)
            if len(box) != 4 or not (box[2] > 0 and box[3] > 0):
                raise ConfigError(f"--mask-box {text}: give x,y,w,h in pixels, with a width and a height above 0.")
        for text in self.mask_polygon:
            corners, _ = parse_mark("mask-polygon", text)
            if len(corners) < 6 or len(corners) % 2:
                raise ConfigError(f"--mask-polygon {text}: give three corners or more, each as x,y in pixels.")

    def __bool__(self) -> bool:
        """Whether anything is marked."""
        return bool(self.mask or self.mask_box or self.mask_polygon)


def parse_mark(flag: str, text: str) -> tuple[tuple[float, ...], float]:
    """(the numbers, the seconds) of `1,2,3@4.5`; without @ the seconds are 0.

    Raises:
        ConfigError: something is no number, not finite, or before the video's start.
    """
    try:
        values, time = numbers_at(text)
    except ValueError:
        raise ConfigError(f"--{flag} {text}: give numbers parted by commas, and @seconds where it is not 0.") from None
    if not all(map(math.isfinite, (*values, time))) or time < 0:
        raise ConfigError(f"--{flag} {text}: give finite numbers, and seconds from 0 on.")
    return values, time
