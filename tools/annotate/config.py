"""Settings of `liquidtrack annotate`. Imports only the standard library and tyro's marks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from datasets.sources.config import SourceConfig
from tracker.appearance.config import AppearanceConfig
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.offline.config import OfflineConfig
from tracker.pipeline.config import CameraMotionName


@dataclass(frozen=True)
class ServingConfig:
    """How the page is served.

    Attributes:
        host: address to listen on. Anything but this machine's own lets others in your network open the page, if they
            know its address.
        port: port to listen on. 0 takes a free one; with a number the page's address stays the same from run to run.
        browser: open the page in your browser.
    """

    host: str = "127.0.0.1"
    port: int = 0
    browser: bool = True


@dataclass(frozen=True)
class AnnotateConfig:
    """Correct tracks in a page of your browser: see the doubtful moments, settle them with one key, export.

    Attributes:
        source: a video, a folder of images or recordings, or a project. Also a MOTChallenge folder or a glob of images;
            a folder of videos gives a list of them.
        tracks: tracks to begin with. In any format that `convert` reads; without them the video is tracked first.
        project: file of the corrections. By default <name>.liquidtrack beside the video; for a folder of recordings, a
            folder of such files.
        who: name written beside each correction. By default your name on this machine.
        camera_motion: how camera motion is compensated where the video is tracked. auto: estimated from the pixels
            while the background moves. flow: in every frame.
        skip_bad_rows: drop malformed rows of the tracks. Without it such a row is an error.
        quiet: print the address alone.
    """

    source: Positional[str]
    tracks: Positional[Path | None] = None
    project: Path | None = None
    who: Annotated[str, arg(aliases=("--as",))] = ""
    camera_motion: CameraMotionName = "auto"
    skip_bad_rows: bool = False
    quiet: bool = False
    serving: ServingConfig = field(default_factory=ServingConfig)
    reading: SourceConfig = field(default_factory=SourceConfig)
    detection: DetectorConfig = field(default_factory=DetectorConfig)
    appearance_features: AppearanceConfig = field(default_factory=AppearanceConfig)
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)
