"""A box that somebody gives, as text and as numbers. Standard library only: the command line reads it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.errors import ConfigError
from models.seconds import parse_seconds


@dataclass(frozen=True, slots=True)
class PointedBox:
    """A box that somebody gave.

    Attributes:
        left: pixels.
        top: pixels.
        width: pixels.
        height: pixels.
        time: seconds since the source's first frame; it is taken in the first frame from then on.
    """

    left: float
    top: float
    width: float
    height: float
    time: float = 0.0

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.left + self.width, self.top + self.height

    def __str__(self) -> str:
        return f"{self.left:g},{self.top:g},{self.width:g},{self.height:g}@{self.time:g}"


def numbers_at(text: str) -> tuple[tuple[float, ...], float]:
    """(the numbers, the seconds) of `1,2,3@4.5` or `1,2,3@0:04.5`, 0 without @. `ValueError` where one is none."""
    numbers, _, seconds = text.partition("@")
    return tuple(float(word) for word in numbers.split(",")), parse_seconds(seconds or "0")


def parse_box(text: str) -> PointedBox:
    """`x,y,width,height@seconds` as numbers.

    Raises:
        ConfigError: it is something else, or has no area.
    """
    try:
        (left, top, width, height), seconds = numbers_at(text)
    except ValueError:
        raise ConfigError(f"box {text!r} is not x,y,width,height@seconds; give one such as 100,50,40,80@2.5.") from None
    if not all(map(math.isfinite, (left, top, width, height, seconds))) or seconds < 0:
        raise ConfigError(f"box {text!r} needs finite numbers and a time of 0 or more seconds.")
    if width <= 0 or height <= 0:
        raise ConfigError(f"box {text!r} has no area; give a width and a height above 0.")
    return PointedBox(left, top, width, height, seconds)
