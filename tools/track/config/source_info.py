"""Settings of `liquidtrack info`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tyro.conf import Positional

from datasets.sources.config import SourceConfig
from models.checks.seconds import Seconds


@dataclass(frozen=True, slots=True)
class InfoConfig:
    """Describe a source: size, codec, rate, duration, and how regular its frame times are.

    Attributes:
        source: a video, camera number, address or folder. Also a glob of images or a MOTChallenge folder.
        json: print one JSON object instead of text.
        sample: seconds for which a camera or stream is sampled.
    """

    source: Positional[str]
    json: bool = False
    sample: Seconds = 5.0
    reading: SourceConfig = field(default_factory=SourceConfig)
