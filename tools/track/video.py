"""`liquidtrack track`: settings in, tracked video out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from datasets.video.output_file import is_stdout
from tools.cli.messages import say as say_line
from tools.track.adapt_live import AdaptingTracker, adapting, check_adapt_live
from tools.track.build import build_sinks, linger, outputs
from tools.track.cameras import track_cameras
from tools.track.config.video import TrackConfig
from tools.track.elsewhere import staged, told
from tools.track.findings import nothing_tracked, other_camera
from tools.track.live import check_live, run_pipeline
from tools.track.looks import check_looks, check_looks_source, in_order, looked_summary
from tools.track.observer import NOBODY, Observer
from tools.track.outputs import Beginning, check_record, guard, with_defaults
from tools.track.pipeline_settings import pipeline_config
from tools.track.progress import progress
from tools.track.report import report, warn_of_rest
from tools.track.stop_signals import stoppable
from tools.track.whole import whole_summary
from tools.track.whole_checks import check_not_whole, check_outlines
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.masks.stage import MaskStage
from tracker.pipeline.build import build_pipeline
from tracker.pipeline.loop import Pipeline, Summary
from tracker.protocols import Detector
from tracker.types import Frame

if TYPE_CHECKING:
    from datasets.sources.live import Live
    from datasets.sources.recorded import Recorded


def track(config: TrackConfig) -> int:
    """Track one source, or several live ones, into all requested outputs; returns the exit code.

    It is 1 where a recording was stopped early, or where one of several live sources has ended by an error.
    """
    with staged(config.output) as output:
        if config.more_sources:
            return track_cameras(replace(config, output=output))
        summary, live = track_summary(replace(config, output=output))
    return 0 if summary.complete or live or config.output.show else 1


def track_summary(config: TrackConfig, observer: Observer = NOBODY) -> tuple[Summary, bool]:
    """Run `config`; returns the summary and whether the source was live.

    Raises:
        LiquidTrackError: any error that the user can correct, after earlier results are written.
    """
    from datasets.source_factory import open_source

    if not config.schedule.every:
        check_looks(config)
    elif config.whole:
        return whole_summary(config, observer)
    else:
        check_not_whole(config)
    if config.pointing.active or config.marking:
        config = _pointing(config)
    asked = outputs(config.output)
    config.detection.kind_and_argument()  # checks the settings before any file is opened
    source = open_source(config.source, config.reading)
    if not config.schedule.every and not in_order(config, source.info):
        return looked_summary(config, source, observer)
    with ExitStack() as stack:
        stack.callback(source.close)
        check_looks_source(config, source.info)
        check_record(config, source.info)
        check_live(config, source)
        check_adapt_live(config, source.info)
        config = with_defaults(config, source.info)
        check_outlines(config)
        wanted = outputs(config.output)
        beginning = Beginning(config, stack.enter_context(guard(config, source.info)))
        # Where results go to standard output, messages go to standard error.
        said = partial(say_line, file=sys.stderr if any(map(is_stdout, wanted.values())) else sys.stdout)
        say: Callable[..., None] = observer.say or said
        pipeline, detector = _pipeline(config, source)
        if (learner := pipeline.find(AdaptingTracker)) is not None:
            stack.callback(learner.close)
        pointer = None
        if config.pointing.active:
            from tracker.single_object.manager import SingleObjectManager

            pointer = pipeline.find(SingleObjectManager)
        sinks, slow = build_sinks(config, pointer, source, beginning.late(source))
        sinks += map(beginning.late(source), observer.writers)
        if not config.quiet and wanted != asked:
            say(f"writing {' and '.join(str(told(path)) for path in wanted.values())}", flush=True)
        recorder = None
        if config.output.record is not None:
            from datasets.recorder import Recorder
            from datasets.sources.live import Live

            assert isinstance(source, Live)
            recorder = stack.enter_context(Recorder(config.output.record, source, beginning))
        last = 0

        def seen(frame: Frame) -> None:
            nonlocal last
            last = frame.index
            if recorder is not None:
                recorder.begin()
            tell(frame)
            observer.seen(frame)

        with stoppable(source) as stop, progress(source.info, config.reading, config.quiet) as tell:
            summary = run_pipeline(config, pipeline, sinks, slow, seen, stop)
    if observer.say is not None or not config.quiet:
        report(summary, source, wanted if summary.frames else {}, say)
        if not config.schedule.every:
            say(f"  looks: the detector worked on {summary.looks} of {summary.frames} frames")
        if recorder is not None and recorder.frames:
            say(f"  record: {recorder.path} ({recorder.frames} frames)")
        if count := getattr(source, "unrecorded", 0):
            say(
                f"  unrecorded: {count} frames, which came faster than they can be written, and were not tracked either"
            )
        if learner is not None:
            say(f"  adapt-live: {learner.taken} of {learner.tries} heads were taken; {learner.log} says more")
        if line := other_camera(config, source.info):
            say(f"  {line}")
        if line := nothing_tracked(summary, config, detector.names):
            say(f"  {line}")
        for mark in masks.waiting if (masks := pipeline.find(MaskStage)) is not None else ():
            say(f"  warning: nothing was followed from {mark.time:g} s on; the source ended before")
        if summary.complete and not source.info.live and config.reading.end is None:
            warn_of_rest(config, detector, last + config.reading.every - 1, say)
        for box in pointer.waiting if pointer is not None and summary.complete else ():
            say(f"  warning: box {box} was never followed; the video ends before its time.")
        sys.stdout.flush()
    linger(sinks)
    return summary, source.info.live


def _pipeline(config: TrackConfig, source: Recorded | Live) -> tuple[Pipeline, Detector]:
    """The pipeline of a run, and the detector of its settings."""
    settings = pipeline_config(config)
    if config.adaptation.adapt_live is not None:
        return adapting(config, settings, source)
    if not config.keep_ids:
        pipeline = build_pipeline(settings, source=source)
        return pipeline, pipeline.detector
    from tools.track.kept_ids import kept_ids

    detector = build_detector(config.detection, skip_bad_rows=config.skip_bad_rows)
    boxes, tracker = kept_ids(config, detector)
    compute = DetectorConfig(threads=config.detection.threads, device=config.detection.device)  # the choice was made
    settings = replace(settings, detection=compute)
    return build_pipeline(settings, source=source, detector=boxes, tracker=tracker), detector


def _pointing(config: TrackConfig) -> TrackConfig:
    """The settings for marked objects: no detector unless one is requested, and a window to draw in."""
    detection, output = config.detection, config.output
    if detection.detector == "auto":
        detection = replace(detection, detector="none")
    if config.pointing.select:
        output = replace(output, show=True)
    return replace(config, detection=detection, output=output)
