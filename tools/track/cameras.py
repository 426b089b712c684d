"""`track` with several cameras and streams: settings in, the tracks of each out, and a window of all."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from datasets.sources.recorded import check as check_reading
from models.checks.printable import one_line
from models.errors import ConfigError
from tools.cli.messages import say
from tools.track.build import outputs
from tools.track.camera_outputs import config_of
from tools.track.camera_run import CameraRun
from tools.track.config.video import TrackConfig
from tools.track.elsewhere import told
from tools.track.named_sources import named_sources
from tools.track.outputs import Beginning, guard, moment
from tools.track.pipeline_settings import pipeline_config
from tools.track.progress import progress
from tools.track.stop_signals import stoppable
from tools.track.whole_checks import check_not_whole
from tracker.pipeline.camera_pipelines import CameraPipelines
from tracker.pipeline.cameras import AttendedCamera, Cameras, CameraStatus, LiveCamera
from tracker.protocols import SourceInfo
from tracker.types import Frame

if TYPE_CHECKING:
    from tools.display.camera_grid import CameraGrid

_WARNING = threading.Lock()  # several threads warn


def track_cameras(config: TrackConfig) -> int:
    """Track several live sources until the last one ends or the user ends the run.

    Returns:
        0; 1 where a source has ended by an error or was never opened.

    Raises:
        LiquidTrackError: an error in the settings, before anything is opened; an error of the detector; no source is
            left.
    """
    sources = named_sources((config.source, *config.more_sources))
    check_several(config)
    now = moment()
    configs = [config_of(config, source, now) for source in sources]
    watch = _Watch()
    grid = _grid(config, [source.name for source in sources], watch)
    with ExitStack() as windows, ExitStack() as stack:
        lock, runs = threading.Lock(), list[CameraRun]()
        for k, (source, single) in enumerate(zip(sources, configs, strict=True)):
            held = stack.enter_context(guard(single, SourceInfo(source.name, 1, 1, live=True)))
            cell = None if grid is None else grid.cells[k]
            runs.append(CameraRun(single, source, Beginning(single, held, lock), cell))
        pipelines = CameraPipelines(pipeline_config(config), config.detector_batch)
        stack.callback(pipelines.close)
        if not config.quiet and not (outputs(config.output) or config.output.show):
            for single in configs:
                say(f"writing {' and '.join(str(told(path)) for path in outputs(single.output).values())}", flush=True)
        info, counting = SourceInfo(f"{len(runs)} sources", 1, 1, live=True), threading.Lock()
        with stoppable(watch) as stop, progress(info, config.reading, config.quiet) as tell:

            def seen(frame: Frame) -> None:
                with counting:
                    tell(frame)

            cameras = [LiveCamera(run.source.name, run.open, partial(run.run, pipelines, seen)) for run in runs]
            watch.cameras = Cameras(cameras, config.reading.reconnect, _warn, stop)
            if grid is not None:
                windows.callback(grid.linger)
                grid.open()
            try:
                watch.cameras.run(None if grid is None else grid.show, pipelines.failed)
            finally:
                if not config.quiet:
                    report(runs, watch.cameras.attended)
        if grid is not None and watch.cameras.complete:
            grid.end()
    failed = (camera.error is not None or camera.source is None for camera in watch.cameras.attended)
    return 1 if any(failed) else 0


def check_several(config: TrackConfig) -> None:
    """Checks the settings of several sources, before anything is opened.

    Raises:
        ConfigError: one of them is made for a single source, or for recordings.
    """
    single = {
        "--whole": config.whole,
        "--looks": not config.schedule.every,
        "--box and --select": config.pointing.active,
        "--mask, --mask-box and --mask-polygon": bool(config.marking),
        "--keep-ids": config.keep_ids,
        "--adapt-live": config.adaptation.adapt_live is not None,
    }
    for flag, given in single.items():
        if given:
            raise ConfigError(f"{flag}: that is done with one source at a time; track it in a run of its own.")
    if config.detector_batch < 0:
        raise ConfigError(f"detector_batch is {config.detector_batch}; give a number of frames, or 0.")
    check_not_whole(config)
    check_reading(config.reading)
    for name in ("rate", "times"):
        if getattr(config.reading, name) is not None:
            raise ConfigError(f"--{name} gives images their times, and cameras have their own clock; leave it out.")


def report(runs: list[CameraRun], attended: list[AttendedCamera]) -> None:
    """Print what became of each source."""
    for run, camera in zip(runs, attended, strict=True):
        seen, status = run.seen, None if camera.source is None else camera.source.status
        name = one_line(run.source.name)
        if status is None:
            say(f"{name}: never opened" + (f"; {camera.status.reason}" if camera.status.reason else ""))
            continue
        rate = seen.frames / seen.wall if seen.wall > 0 else 0.0
        say(
            f"{name}: {seen.frames} frames, {seen.video:.2f} s of video, {len(seen.ids)} tracks ({rate:.1f} frames/s); "
            f"dropped {status.dropped}, reconnects {status.reconnects}"
        )
        if (summary := camera.summary) is not None and summary.shown:
            say(f"  shown: {summary.shown} frames; capture to screen {summary.to_screen}")
        if summary is not None and summary.to_track is not None:
            say(f"  capture to track: {summary.to_track}")
        if run.recorded:
            say(f"  record: {run.config.output.record} ({run.recorded} frames)")
        for flag, path in run.written.items():
            say(f"  {flag}: {told(path)}")
    sys.stdout.flush()


class _Watch:
    """Several cameras, which come into being after the window and the handlers of signals that use them."""

    cameras: Cameras | None = None

    def close(self) -> None:
        if self.cameras is not None:
            self.cameras.close()

    def status(self, number: int) -> CameraStatus:
        return CameraStatus("opening") if self.cameras is None else self.cameras.attended[number].status


def _grid(config: TrackConfig, names: list[str], watch: _Watch) -> CameraGrid | None:
    if not config.output.show:
        return None
    from tools.display.camera_grid import CameraGrid

    return CameraGrid(names, watch.status, config.view)


def _warn(line: str) -> None:
    with _WARNING:
        say(line, sys.stderr, True)
