"""Live sources in `track`: which loop runs them, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable

from models.errors import ConfigError
from tools.track.config.video import TrackConfig
from tracker.pipeline.live import run_live
from tracker.pipeline.loop import Pipeline, Summary
from tracker.protocols import LiveSource, Sink, Source
from tracker.types import Frame


def check_live(config: TrackConfig, source: Source) -> None:
    """Checks the settings of live sources.

    Raises:
        ConfigError: predicted boxes are asked for where there are none.
    """
    if config.output.live_boxes == "seen":
        return
    if not source.info.live:
        raise ConfigError(
            f"--live-boxes predicted is for cameras and streams, and {source.info.name} is a recording, of which every "
            "frame is looked at; leave it out."
        )
    if config.pointing.active or config.marking:
        raise ConfigError("--live-boxes predicted is for detected objects, not for marked ones; leave it out.")


def free_running(config: TrackConfig, source: Source) -> bool:
    """Whether every captured frame is shown or written, without waiting for the detector.

    Objects that a person marks are followed in every frame by their pixels, so that nothing is predicted.
    """
    wanted = config.output.show or config.output.live_boxes == "predicted"
    marked = config.pointing.active or config.marking
    return wanted and not marked and isinstance(source, LiveSource) and source.info.live


def run_pipeline(
    config: TrackConfig,
    pipeline: Pipeline,
    sinks: list[Sink],
    slow: list[Sink],
    progress: Callable[[Frame], None],
    stop: threading.Event,
) -> Summary:
    """Runs the pipeline into all sinks, by the loop that suits the source."""
    if not free_running(config, pipeline.source):
        return pipeline.run(sinks, slow_sinks=slow, progress=progress, stop=stop)
    from tools.display.window import WindowSink

    windows = [sink for sink in sinks if isinstance(sink, WindowSink)]
    files = [sink for sink in sinks if not isinstance(sink, WindowSink)]
    return run_live(
        pipeline, windows, files, slow_sinks=slow, boxes=config.output.live_boxes, progress=progress, stop=stop
    )
