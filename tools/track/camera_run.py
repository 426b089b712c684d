"""One of several live sources of a run of `track`: its outputs, and the run itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from datasets.recorder import Recorder
from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.live import Live
from models.errors import ConfigError
from tools.track.build import build_sinks, outputs
from tools.track.config.video import TrackConfig
from tools.track.named_sources import NamedSource
from tools.track.outputs import Beginning
from tracker.pipeline.camera_pipelines import CameraPipelines
from tracker.pipeline.live import run_live
from tracker.pipeline.loop import Summary
from tracker.protocols import LiveSource, Sink, Source, SourceInfo
from tracker.types import Frame, Tracks

FOREVER = float("inf")


class SeenFrames:
    """A sink that counts frames and tracks, whatever becomes of the run.

    Attributes:
        frames: number of frames.
        ids: of the tracks that were shown.
        video: seconds between the first and the last frame's times.
        wall: seconds from the opening to the last frame.
    """

    def __init__(self) -> None:
        self.frames, self.ids = 0, set[int]()
        self.video = self.wall = 0.0
        self._first = self._opened = 0.0

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Begin to count."""
        self._opened = time.monotonic()

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Count one frame."""
        self._first = frame.time if self.frames == 0 else self._first
        self.frames += 1
        self.ids.update(tracks.confirmed.id.tolist())
        self.video, self.wall = frame.time - self._first, time.monotonic() - self._opened

    def close(self) -> None:
        """Keep the counts."""


class CameraRun:
    """Opens and runs one source.

    Args:
        config: its settings, as if it were alone.
        source: the source.
        beginning: called before the first byte of its outputs is written.
        cell: its part of the window, or None.

    Attributes:
        seen: what was counted.
        recorded: number of recorded frames.
    """

    def __init__(self, config: TrackConfig, source: NamedSource, beginning: Beginning, cell: Sink | None) -> None:
        self.config, self.source = config, source
        self.seen, self.recorded = SeenFrames(), 0
        self._beginning, self._cell = beginning, cell

    @property
    def written(self) -> dict[str, Path]:
        """The files and folders that were written, by the name of their flag."""
        return outputs(self.config.output) if self.seen.frames else {}

    def open(self) -> Source:
        """The opened source, which is won back as long as the run lasts.

        Raises:
            SourceError: it cannot be opened now.
            ConfigError: it is a recording.
        """
        source = open_source(self.source.spec, self._reading())
        if not isinstance(source, Live):
            source.close()
            raise ConfigError(f"{source.info.name} is a recording, no camera or stream; track it by itself.")
        return source

    def _reading(self) -> SourceConfig:
        reading = self.config.reading
        return replace(reading, reconnect=FOREVER) if reading.reconnect > 0 else reading

    def run(
        self,
        pipelines: CameraPipelines,
        progress: Callable[[Frame], None],
        source: LiveSource,
        stop: threading.Event,
    ) -> Summary:
        """Tracks the source into its outputs until its end."""
        pipeline = pipelines.pipeline(source)
        with ExitStack() as stack:
            stack.callback(source.close)
            here, slow = build_sinks(self.config, source=source, late=self._beginning.late(source))
            recorder = None
            if self.config.output.record is not None:
                assert isinstance(source, Live)
                recorder = stack.enter_context(Recorder(self.config.output.record, source, self._beginning))

            def seen(frame: Frame) -> None:
                if recorder is not None:
                    recorder.begin()
                    self.recorded = recorder.frames
                progress(frame)

            windows = [] if self._cell is None else [self._cell]
            boxes = self.config.output.live_boxes
            summary = run_live(
                pipeline, windows, [*here, self.seen], slow_sinks=slow, boxes=boxes, progress=seen, stop=stop
            )
        if recorder is not None:
            self.recorded = recorder.frames
        return summary
