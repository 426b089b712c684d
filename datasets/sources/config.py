"""How a source is read. Standard library only: the command line imports this before anything heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.checks.seconds import Seconds


@dataclass(frozen=True)
class SourceConfig:
    """Which part of a source is read, and by which clock.

    Attributes:
        start: leave out what comes before this time, in seconds since the source's first frame (90.5, or 1:30.5).
        end: leave out what comes at or after this time, in seconds since the source's first frame (90.5, or 1:30.5).
        every: of all frames read only every n-th, counted from the first; times and frame numbers stay true.
        rate: frames a second of pictures and raw streams that carry no times; it overrides a file's own times.
        times: a file with the time of every frame in seconds, one a line or a `times.csv`; overrides the own times.
        resize: frames of another size than the first are resized to it, instead of being an error.
        camera_width: pixels that a camera is asked for; it may answer with its nearest.
        camera_height: pixels that a camera is asked for; it may answer with its nearest.
        camera_rate: frames a second that a camera is asked for.
        stall: seconds without a frame after which a camera or stream counts as lost.
        reconnect: seconds of patience to win a lost camera or stream back before giving up; 0 gives up at once.
    """

    start: Seconds = 0.0
    end: Seconds | None = None
    every: int = 1
    rate: float | None = None
    times: Path | None = None
    resize: bool = False
    camera_width: int | None = None
    camera_height: int | None = None
    camera_rate: float | None = None
    stall: Seconds = 5.0
    reconnect: Seconds = 30.0
