"""Settings of `liquidtrack info`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tyro.conf import Positional

from datasets.sources.config import SourceConfig
from models.checks.seconds import Seconds


@dataclass(frozen=True, slots=True)
class InfoConfig:
    """Say what a source is and how even its times are: size, codec, rate, duration, intervals between frames.

    Attributes:
        source: a video file, a camera's number, an address, a folder or glob of pictures, or a MOTChallenge folder.
        json: print one JSON object instead of text.
        sample: how long to listen to a camera or stream, in seconds.
    """

    source: Positional[str]
    json: bool = False
    sample: Seconds = 5.0
    reading: SourceConfig = field(default_factory=SourceConfig)
