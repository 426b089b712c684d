"""`liquidtrack track --whole`: tracks that are decided with the whole video, or with a horizon of future.

The source is read once for detections. Then the tracks are decided and all outputs written; images for a drawn video
come from a second reading. With a horizon both happen while the source is read: images of a source that can be read
only once are kept in memory until their tracks are final.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from datasets.formats.detection_cache import DetectionCache, MemoryCache, Store
from datasets.formats.detection_chunk import DetectedFrame
from datasets.video.output_file import is_stdout
from models.errors import LiquidTrackError
from tools.cli.messages import say as say_line
from tools.track.build import build_sinks, linger, outputs
from tools.track.config.video import TrackConfig
from tools.track.detection_pass import DetectionPass, detection_settings
from tools.track.detections_kept import made_with, open_cache
from tools.track.doubt import DOUBT_BELOW, DoubtFile
from tools.track.elsewhere import told
from tools.track.findings import nothing_tracked, other_camera
from tools.track.observer import NOBODY, Observer
from tools.track.ordered_worker import OrderedWorker
from tools.track.outputs import Beginning, cache_guard, check_record, guard, with_defaults
from tools.track.progress import progress
from tools.track.report import report, warn_of_rest
from tools.track.stop_signals import stoppable
from tools.track.whole_checks import PIXELS, check_source, check_whole, once
from tools.track.whole_output import KeptFrames, WholeOutput
from tracker.offline.track import track_whole
from tracker.offline.windows import FinishedFrames, RollingWindows, TimedDetections, finished, track_windows
from tracker.pipeline.loop import Summary
from tracker.pipeline.prefetch import prefetch_map
from tracker.protocols import Detector, SourceInfo, Stop
from tracker.types import Frame

if TYPE_CHECKING:
    from datasets.sources.live import Live
    from datasets.sources.recorded import Recorded

REMEMBERING = ("background", "python")  # detectors that may depend on earlier frames, so that none may be left out
WAITING_FRAMES = 32  # images of a live source that may wait while a window is decided


def whole_summary(config: TrackConfig, observer: Observer = NOBODY) -> tuple[Summary, bool]:
    """Run `config`, which asks for --whole; returns the summary and whether the source was live.

    Raises:
        LiquidTrackError: any error that the user can correct, after earlier results are written.
    """
    check_whole(config)
    return run_late(config, WholeRun, check_source, observer)


def run_late(
    config: TrackConfig,
    kind: type[WholeRun],
    check: Callable[[TrackConfig, SourceInfo], None],
    observer: Observer = NOBODY,
    source: Recorded | Live | None = None,
) -> tuple[Summary, bool]:
    """Run `config` with outputs that are written behind the reading; returns the summary and whether it was live.

    Args:
        config: the settings, checked as far as no source is needed.
        kind: the kind of run.
        check: checks them with the source.
        observer: learns of the run.
        source: the source, where it is open already.

    Raises:
        LiquidTrackError: any error that the user can correct, after earlier results are written.
    """
    from datasets.source_factory import open_source

    asked = outputs(config.output)
    config.detection.kind_and_argument()  # checks the settings before any file is opened
    source = source or open_source(config.source, config.reading)
    with ExitStack() as stack:
        stack.callback(source.close)
        check_record(config, source.info)
        config = with_defaults(config, source.info)
        check(config, source.info)
        wanted = outputs(config.output)
        beginning = Beginning(config, stack.enter_context(guard(config, source.info)))
        said = partial(say_line, file=sys.stderr if any(map(is_stdout, wanted.values())) else sys.stdout)
        say: Callable[..., None] = observer.say or said
        run = kind(config, source, beginning, stack, observer)
        if not config.quiet and wanted != asked:
            say(f"writing {' and '.join(str(told(path)) for path in wanted.values())}", flush=True)
        summary = run()
    if observer.say is not None or not config.quiet:
        _report(config, summary, run, say)
        sys.stdout.flush()
    linger(run.sinks)
    return summary, source.info.live


class WholeRun:
    """One run. Making it checks everything that can fail before the source is read."""

    def __init__(
        self,
        config: TrackConfig,
        source: Recorded | Live,
        beginning: Beginning,
        stack: ExitStack,
        observer: Observer = NOBODY,
    ) -> None:
        self.config, self.source, self._stack, self._beginning = config, source, stack, beginning
        self.observer = observer
        self.detector: Detector | None = None
        self.last = 0  # number of the last frame that was read
        self.names: tuple[str, ...] = ()
        self.looks: int | None = None  # number of frames that were looked at, where it is not all
        self.cache, self._store = self._caching()
        drawn = replace(config, view=replace(config.view, show_lost=True))  # filled boxes are drawn dashed
        here, slow = build_sinks(drawn, None, source, beginning.late(source))
        self.sinks = [*here, *slow, *map(beginning.late(source), observer.writers)]
        pixels = any(getattr(config.output, name) for name in PIXELS)
        self._kept = KeptFrames() if pixels and once(config, source.info) else None
        frames = iter(self._kept) if self._kept is not None else self._second_reading() if pixels else None
        doubt = config.output.doubt
        self.output = WholeOutput(self.sinks, frames, None if doubt is None else partial(DoubtFile, doubt), beginning)
        stack.callback(self.output.close)

    def __call__(self) -> Summary:
        start = time.perf_counter()
        failure: LiquidTrackError | None = None
        if self.cache is not None and self.cache.complete:
            summary = _tally(self.cache)
            self.names = self.cache.names
            self.output.open(self.source.info, self.names)
            summary = self._decide(self.cache, summary)
        elif self.config.horizon is not None:
            summary = self._rolling(self.config.horizon)
        else:
            try:
                summary = self._detect(self._keep)
            except LiquidTrackError as error:  # the frames before it are tracked all the same
                if self._store is None or not self._store.count:
                    raise
                failure = error
            cache = self._kept_detections(failure is None and summary.complete)
            if failure is not None:
                summary = _tally(cache)
            summary = self._decide(cache, summary)
            if failure is not None:
                raise failure
        return replace(summary, tracks=self.output.tracks, wall=time.perf_counter() - start)

    def _caching(self) -> tuple[DetectionCache | None, Store | None]:
        """(the cache of an earlier run, the store that this run fills)."""
        path, info = self.config.output.cache, self.source.info
        if path is None:
            return None, None if self.config.horizon is not None else Store()
        wanted = made_with(self.config, info)
        cache = open_cache(path, wanted, self.config.output.overwrite)
        if cache is not None and cache.complete:
            return cache, None
        guarded = self._stack.enter_context(cache_guard(self.config, info, wanted, cache is not None))
        store = Store(path.resolve(), wanted, guarded.begin)
        self._stack.callback(store.discard)
        return cache, store

    def _second_reading(self) -> Generator[Frame, None, None]:
        """The images once more, decoded ahead in a thread of its own."""
        from datasets.source_factory import open_source

        with closing(open_source(self.config.source, self.config.reading)) as source:
            frames = prefetch_map(source, lambda frame: frame)
            with closing(frames):
                yield from frames

    def _detect(self, take: Callable[[DetectedFrame, Frame], None]) -> Summary:
        """The first reading of the source."""
        config, source = self.config, self.source
        before = None if config.detection.kind_and_argument()[0] in REMEMBERING else self.cache
        detecting = DetectionPass(detection_settings(config), source, before, take)
        self.detector, self.names = detecting.detector, detecting.detector.names
        self.output.open(source.info, self.names)
        recorder = None
        if config.output.record is not None:
            from datasets.recorder import Recorder
            from datasets.sources.live import Live

            assert isinstance(source, Live)
            recorder = self._stack.enter_context(Recorder(config.output.record, source, self._beginning))
        phase = "detecting" if config.horizon is None else ""
        with stoppable(source) as stop, progress(source.info, config.reading, config.quiet, phase) as tell:

            def seen(frame: Frame) -> None:
                self.last = frame.index
                if recorder is not None:
                    recorder.begin()
                tell(frame)
                self.observer.seen(frame)

            return detecting.pipeline.run([detecting], progress=seen, stop=stop)

    def _keep(self, found: DetectedFrame, frame: Frame) -> None:
        assert self._store is not None
        self._store.add(found)

    def _kept_detections(self, complete: bool) -> MemoryCache:
        """All detections of the first reading; the file of the cache is finished."""
        assert self._store is not None
        if self.cache is not None and not complete and self.last <= self.cache.last:
            return self.cache  # this run was ended before it went further than the run before
        size = self.source.info.width, self.source.info.height
        return self._store.close(self.names, size, complete)

    def _decide(self, cache: MemoryCache, summary: Summary) -> Summary:
        """Decides the tracks of detections that are all there, and writes all outputs."""
        config = self.config
        quiet = config.quiet or not self.output.draws  # labels alone take no time
        with stoppable(self.source) as stop, progress(self.source.info, config.reading, quiet, "writing") as tell:
            self.output.progress = tell
            try:
                whole = all(self.output.write(piece, stop.is_set) for piece in self._pieces(cache))
            except Stop:
                whole = False
        self.output.end(whole)
        return replace(summary, complete=summary.complete and whole)

    def _pieces(self, cache: MemoryCache) -> Iterator[FinishedFrames]:
        config = self.config
        if config.horizon is not None:
            yield from track_windows(
                self._announced(cache), config.tracking, config.offline, horizon=config.horizon, size=cache.size
            )
            return
        index, video = cache.video(release=True)
        self.last = int(index[-1]) if len(index) else 0
        for k, (number, seconds) in enumerate(zip(index.tolist(), video.times.tolist(), strict=True)):
            self.output.expect(number, seconds, None if video.warps is None else video.warps[k])
        if len(index):
            yield finished(video, track_whole(video, config.tracking, config.offline))

    def _announced(self, cache: MemoryCache) -> Iterator[TimedDetections]:
        for frame in cache.frames():
            self.output.expect(frame.index, frame.time, frame.warp)
            self.last = frame.index
            yield frame.time, frame.detections, frame.warp

    def _rolling(self, horizon: float) -> Summary:
        """Decides and writes while the source is read."""
        config, info = self.config, self.source.info
        windows = RollingWindows(config.tracking, config.offline, horizon=horizon, size=(info.width, info.height))

        def consume(item: tuple[DetectedFrame, Frame]) -> None:
            found, frame = item
            if self._store is not None:
                self._store.add(found)
            if self._kept is not None:
                self._kept.add(frame)
            self.output.expect(found.index, found.time, found.warp)
            if (piece := windows.add(found.time, found.detections, found.warp)) is not None:
                self.output.write(piece)

        worker = OrderedWorker(consume, WAITING_FRAMES) if info.live else None
        hand_over = consume if worker is None else worker
        failure: LiquidTrackError | None = None
        summary = Summary(0, 0, 0.0, 0.0, {}, False)
        try:
            summary = self._detect(lambda found, frame: hand_over((found, frame)))
        except LiquidTrackError as error:  # the frames before it are tracked all the same
            failure = error
        if worker is not None:
            worker.close()
        if (piece := windows.close()) is not None:
            self.output.write(piece)
        self.output.end(summary.complete)
        if self._store is not None and self._store.count:
            self._kept_detections(summary.complete)
        if failure is not None:
            raise failure
        return summary


def _tally(cache: MemoryCache) -> Summary:
    """The summary of a first reading that an earlier run has done."""
    frames = detections = 0
    first = last = 0.0
    top = (0.0, -1)
    for chunk in cache.chunks():
        first = float(chunk.times[0]) if not frames else first
        last = float(chunk.times[-1])
        frames, detections = frames + len(chunk.times), detections + len(chunk.xyxy)
        if len(chunk.score):
            best = int(chunk.score.argmax())
            top = max(top, (float(chunk.score[best]), int(chunk.label[best])))
    return Summary(frames, 0, last - first, 0.0, {}, cache.complete, detections, *top)


def _report(config: TrackConfig, summary: Summary, run: WholeRun, say: Callable[..., None]) -> None:
    report(summary, run.source, outputs(config.output) if summary.frames else {}, say)
    output = run.output
    if run.looks is not None:
        say(f"  looks: the detector worked on {run.looks} of {summary.frames} frames")
    if output.filled:
        where = "in absences" if run.looks is None else "between looks and in absences"
        say(f"  filled: {output.filled} of {output.boxes} boxes, {where}")
    if output.doubt is not None:
        say(f"  doubt: {config.output.doubt} ({output.doubt.count} decisions below {DOUBT_BELOW:g})")
    if config.output.cache is not None:
        used = run.cache is not None and run.cache.complete
        say(f"  cache: {config.output.cache} ({'nothing was detected again' if used else 'for the next run'})")
    if line := other_camera(config, run.source.info):
        say(f"  {line}")
    if line := nothing_tracked(summary, config, run.names):
        say(f"  {line}")
    if summary.complete and run.detector is not None and not run.source.info.live and config.reading.end is None:
        warn_of_rest(config, run.detector, run.last + config.reading.every - 1, say)
