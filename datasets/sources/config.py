"""Settings of sources. Imports only the standard library, because the command line imports it at start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.checks.seconds import Seconds


@dataclass(frozen=True)
class SourceConfig:
    """Which part of a source is read, and how its frames are timed.

    Attributes:
        start: skip frames before this time. Seconds since the first frame of the source, as 90.5 or 1:30.5.
        end: stop at this time. Seconds since the first frame of the source, as 90.5 or 1:30.5.
        every: read only every n-th frame. Times and frame numbers stay those of the source.
        rate: frames a second of images without times. For folders of images and raw streams; it overrides the times of
            a file.
        times: file with the time of each frame in seconds. One time a line, or a `times.csv`; it overrides the times of
            the source.
        resize: scale frames that differ in size from the first. Without it such a frame is an error.
        camera_width: width to ask a camera for, pixels. The camera may answer with the nearest width that it has.
        camera_height: height to ask a camera for, pixels. The camera may answer with the nearest height that it has.
        camera_rate: frames a second to ask a camera for.
        stall: seconds without a frame after which a camera or stream counts as lost.
        reconnect: seconds for which a lost camera or stream is tried again. 0 gives up at once.
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
