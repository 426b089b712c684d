"""Sink for the tracked video: draws each frame and writes it at its time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.storage.addresses import is_remote
from datasets.video.writer import VideoWriter, check_video
from models.errors import ConfigError
from tools.display.annotate import Painter
from tools.display.config import ViewConfig
from tracker.protocols import SourceInfo
from tracker.types import Float64, Frame, Tracks, UInt8


class VideoSink:
    """Draws tracks into a video file and keeps variable frame rate and sound. Frames are expected upright.

    Args:
        path: the file to write; its suffix selects the container.
        config: settings of drawing and encoding.
        source: the file, or the address of one, to copy sound from, where it is not the file of the source.

    Raises:
        ConfigError: the suffix, codec, quality or preset is unknown.
    """

    def __init__(self, path: Path | str, config: ViewConfig | None = None, source: Path | str | None = None) -> None:
        self.path = Path(path)
        self._config = config or ViewConfig()
        check_video(self.path, self._config.video_codec, self._config.video_crf, self._config.video_preset)
        self._source = source
        self._painter = Painter()
        self._writer: VideoWriter | None = None
        self._picture: UInt8 = np.empty(
            (0, 0, 3), np.uint8
        )  # reused for every frame: new memory costs more than a copy

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Prepare the file.

        Raises:
            ConfigError: it cannot be written, or it is the input video.
        """
        named = self._source if self._source is not None else info.path
        source: Path | str | None = None
        if named is not None and not info.live:
            source = str(named) if is_remote(str(named)) else Path(named) if Path(named).is_file() else None
        if isinstance(source, Path) and self.path.exists() and self.path.samefile(source):
            raise ConfigError(f"{self.path} is the video that is being read; give another file to write to.")
        self._painter = Painter(names, self._config)
        self._writer = VideoWriter(
            self.path,
            codec=self._config.video_codec,
            crf=self._config.video_crf,
            preset=self._config.video_preset,
            rate=info.rate,
            sound=source if self._config.sound else None,
        )

    def camera(self, warp: Float64 | None) -> None:
        """Move the trails with the camera: (2, 3) affine from the previous frame to the next one."""
        self._painter.camera(warp)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Draw and encode one frame."""
        if self._writer is None:
            raise ValueError(f"{self.path} is not open.")
        if self._picture.shape != frame.bgr.shape:
            self._picture = np.empty_like(frame.bgr)
        self._writer.write(self._painter(frame, tracks, self._picture), frame.time)

    def close(self) -> None:
        """Finish the file. A second call does nothing."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
