"""Settings of `liquidtrack render`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from datasets.sources.config import SourceConfig
from models.errors import ConfigError
from tools.display.config import ViewConfig
from tracker.pipeline.config import CameraMotionName


@dataclass(frozen=True)
class RenderConfig:
    """Draw existing tracks into their video, without tracking again.

    Attributes:
        source: the video, or another source of `track` that has an end.
        tracks: its tracks, ground truth or detections. In any format that `convert` reads (JSON lines, MOTChallenge,
            ...).
        video: video to write: .mp4, .mkv, .webm or .avi. Frame times and sound are kept. Without it and without --show:
            <tracks>.rendered.mp4 beside the tracks (of a pipe: tracks.rendered.mp4 here).
        show: open a window. h in it shows the keys.
        format: format of the tracks. mot, jsonl, coco, cvat, yolo, kitti, labelstudio, csv or parquet; by default
            the file tells.
        match: how frames of the tracks and of the video correspond. By number (frame), by the nearest time (seconds),
            or auto: by time where the tracks hold times, else by number.
        camera_motion: how trails follow a moving camera. auto: estimated from the pixels while the background moves.
            flow: in every frame.
        skip_bad_rows: drop malformed rows of the tracks. Without it the first one is an error.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar and no summary.
    """

    source: Positional[str]
    tracks: Positional[Path]
    video: Path | None = None
    show: bool = False
    format: str | None = None
    match: Literal["auto", "frame", "seconds"] = "auto"
    camera_motion: CameraMotionName = "auto"
    skip_bad_rows: bool = False
    overwrite: bool = False
    quiet: bool = False
    reading: SourceConfig = field(default_factory=SourceConfig)
    view: ViewConfig = field(default_factory=ViewConfig)

    def __post_init__(self) -> None:
        if self.format == "":
            raise ConfigError("format is empty; name one such as jsonl, or leave it out.")

    @property
    def out(self) -> Path | None:
        """The video that will be written, or None where a window is all."""
        if self.video is not None or self.show:
            return self.video
        tracks = self.tracks if self.tracks.name else Path(os.path.abspath(self.tracks))  # of `.`
        stem = tracks.name if tracks.is_dir() else tracks.name.removesuffix(".gz").rsplit(".", 1)[0]
        return tracks.parent / f"{stem or 'tracks'}.rendered.mp4"

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return () if self.out is None else (Output("--video", self.out),)
