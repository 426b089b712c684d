"""Parses seconds: 90.5, 90.5s, 1:30.5, 00:01:30.5. Standard library only: the command line imports it."""

from __future__ import annotations

import re
from typing import Annotated

_CLOCK = re.compile(r"(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d{1,2}(?:\.\d*)?)", re.ASCII)
_UNITS = re.compile(
    r"(?=.)(?:(?P<hours>\d+(?:\.\d*)?)h)?(?:(?P<minutes>\d+(?:\.\d*)?)m(?:in)?)?(?:(?P<seconds>\d+(?:\.\d*)?)s)?",
    re.ASCII,
)
_SMALL = re.compile(r"(?P<number>\d+(?:\.\d*)?)(?P<unit>ms|us)", re.ASCII)

IN_SECONDS = "in seconds"
# The type of a setting in seconds: the command line accepts every form that `parse_seconds` does.
Seconds = Annotated[float, IN_SECONDS]

FORMS = "give seconds such as 90.5, or a time such as 1:30.5, 00:01:30.5 or 90.5s"  # for messages


def parse_seconds(text: str) -> float:
    """The seconds of `text`, as FFmpeg takes times: a number, [HH:]MM:SS[.m], or a number with its unit.

    Units are h, m or min, s, ms and us, the first three also combined (1m30s). A plain number may be anything that
    `float` accepts, including negative and infinite values; the caller checks the range.

    Raises:
        ValueError: it has another form, or 60 or more seconds (minutes) after minutes (hours).
    """
    word = text.strip()
    if found := _CLOCK.fullmatch(word):
        hours, minutes, seconds = (float(found[unit] or 0) for unit in ("hours", "minutes", "seconds"))
        if seconds >= 60 or (found["hours"] and minutes >= 60):
            raise ValueError(f"{text!r} has 60 or more where a clock has less")
        return hours * 3600 + minutes * 60 + seconds
    if found := _SMALL.fullmatch(word):
        return float(found["number"]) * {"ms": 1e-3, "us": 1e-6}[found["unit"]]
    if found := _UNITS.fullmatch(word):
        return sum(float(found[unit] or 0) * size for unit, size in (("hours", 3600), ("minutes", 60), ("seconds", 1)))
    return float(word)
