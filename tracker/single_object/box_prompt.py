"""Box prompts: a box given by the user, as text and as numbers. Standard library only: the command line reads it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from models.checks.seconds import parse_seconds
from models.errors import ConfigError

MAX_NAME_CHARACTERS = 80
# The text after a time is a name, unless it is another part of the time: @2:05 is 2 minutes and 5 seconds.
BOX = re.compile(r"(?P<numbers>[^@:]*)(?:@(?P<time>[^@:]*(?::[0-9.]+){0,2}))?(?::(?P<name>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class BoxPrompt:
    """A box given by the user.

    Attributes:
        left: pixels.
        top: pixels.
        width: pixels.
        height: pixels.
        time: seconds since the source's first frame; the object starts in the first frame at or after it.
        name: the class of the object; empty where a detector gives it.
    """

    left: float
    top: float
    width: float
    height: float
    time: float = 0.0
    name: str = ""

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.left + self.width, self.top + self.height

    def __str__(self) -> str:
        name = f":{self.name}" if self.name else ""
        return f"{self.left:g},{self.top:g},{self.width:g},{self.height:g}@{self.time:g}{name}"


def numbers_at(text: str) -> tuple[tuple[float, ...], float]:
    """(the numbers, the seconds) of `1,2,3@4.5` or `1,2,3@0:04.5`, 0 without @. `ValueError` for other text."""
    numbers, _, seconds = text.partition("@")
    return tuple(float(word) for word in numbers.split(",")), parse_seconds(seconds or "0")


def parse_box(text: str) -> BoxPrompt:
    """`x,y,width,height@seconds:name` as a box; without @ the seconds are 0, and the name may be left out.

    The time may also be m:ss or h:mm:ss.

    >>> parse_box("100,50,40,80@1:02.5:red car")
    BoxPrompt(left=100.0, top=50.0, width=40.0, height=80.0, time=62.5, name='red car')

    Raises:
        ConfigError: it is something else, or has no area.
    """
    match = BOX.fullmatch(text)
    text = text if len(text) <= 100 else f"{text[:97]}..."  # in messages
    advice = "give one such as 100,50,40,80, 100,50,40,80@2.5 or 100,50,40,80@2.5:name"
    try:
        if match is None:
            raise ValueError
        left, top, width, height = (float(word) for word in match["numbers"].split(","))
        seconds = parse_seconds(match["time"] or "0")
    except ValueError:
        raise ConfigError(f"box {text!r} is not x,y,width,height@seconds:name; {advice}.") from None
    if not all(map(math.isfinite, (left, top, width, height, seconds))) or seconds < 0:
        raise ConfigError(f"box {text!r} needs finite numbers and a time of 0 or more seconds.")
    if width <= 0 or height <= 0:
        raise ConfigError(f"box {text!r} has no area; give a width and a height above 0.")
    name = match["name"]
    if name is not None and not (0 < len(name.strip()) <= MAX_NAME_CHARACTERS and name.isprintable()):
        raise ConfigError(
            f"box {text!r} needs a name of 1 to {MAX_NAME_CHARACTERS} printable characters behind the colon."
        )
    return BoxPrompt(left, top, width, height, seconds, (name or "").strip())
