"""The one loop of the house: source -> detector -> appearance -> tracker -> sinks.

Stages overlap by threads (decoding, networks, drawing and encoding release the interpreter's lock), order is kept,
bounded queues give back-pressure, and the first error stops everything after the frames before it were written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
from threadpoolctl import threadpool_limits

from models.errors import ConfigError, LiquidTrackError
from models.runtime.compute import beside_threads
from tracker.pipeline.given_images import source_of
from tracker.pipeline.prefetch import QUEUE, prefetch_map
from tracker.pipeline.stage_clock import StageClock
from tracker.pipeline.stages import DetectStage, TrackStage, stage_name
from tracker.protocols import (
    CameraSink,
    Detector,
    EndSink,
    Engine,
    FrameContext,
    IdleSink,
    Sink,
    Source,
    Stage,
    Stop,
)
from tracker.types import Frame, Tracks

T = TypeVar("T")
Work = Callable[[FrameContext], FrameContext]

PATIENCE_S = 5.0  # for the current frame once the run is ended: a network may be slow, or never return


@contextmanager
def limit_library_threads() -> Iterator[None]:
    """Few threads inside NumPy's matrix products and OpenCV's functions while the stages run: they share the cores.

    OpenBLAS's other threads spin for 26 ms after each larger product (2^26 turns of the clock), on cores that the
    networks need: on two cores that made the whole pipeline half as slow again. An OpenCV function waits until the last
    of its threads has found a core: on two cores that held the detector up for 4 ms a frame.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(beside_threads())
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(threads)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a finished run amounts to.

    Attributes:
        frames: how many frames were tracked.
        tracks: how many tracks were shown at least once.
        video: seconds between the first and the last frame's times.
        wall: seconds that the run took.
        busy: seconds of work by stage (not waiting), by name.
        complete: False where a person or a signal ended the run early.
        detections: how many the detector found in all frames.
        top_score: the highest of their scores, 0..1.
        top_label: the class of that one, an index into the detector's names; -1 where there is none.
    """

    frames: int
    tracks: int
    video: float
    wall: float
    busy: dict[str, float]
    complete: bool
    detections: int = 0
    top_score: float = 0.0
    top_label: int = -1


class Pipeline:
    """One source on its way through detector, tracker and all stages: iterate it, or `run` it into sinks; once.

    >>> import numpy as np
    >>> from tracker import Pipeline, Tracker
    >>> pictures = ((np.zeros((90, 160, 3), np.uint8), seconds) for seconds in (0.0, 0.1, 0.35))
    >>> for frame, tracks in Pipeline(pictures, lambda frame: [[20, 30, 40, 80, 0.9, 0]], Tracker()):
    ...     print(f"{frame.time:.2f} s:", tracks.confirmed.id)
    0.00 s: [1]
    0.10 s: [1]
    0.35 s: [1]

    Args:
        source: what `open_source` opens, or an iterable of (image, seconds) or of `Frame`s.
        detector: what `build_detector` builds, or any function of a frame that answers as `Detections.of` takes it.
        tracker: whose `update` is called for each frame.
        before: stages between the detector and the tracker.
        after: stages behind the tracker.
        ahead: how many frames each stage of a recording may be ahead of the next one.

    Raises:
        SourceError: the source is none.
        ConfigError: the detector is none.

    Attributes:
        names: the classes of the tracks, once the first frame is asked for.
    """

    def __init__(
        self,
        source: Source | Iterable[Any],
        detector: Detector | Callable[[Frame], Any],
        tracker: Engine,
        *,
        before: Sequence[Stage] = (),
        after: Sequence[Stage] = (),
        ahead: int = QUEUE,
    ) -> None:
        detect = DetectStage(detector)
        self.source = source_of(source)
        self.detector: Detector = detect.detector
        self.tracker = tracker
        self.stages: tuple[Stage, ...] = (detect, *before, TrackStage(tracker), *after)
        self.names: tuple[str, ...] = self.detector.names
        self._ahead, self._used = ahead, False

    def find(self, kind: type[T]) -> T | None:
        """The stage of this class, or the tracker or what stands around it, if there is one."""
        inside: Any = self.tracker
        while inside is not None:
            if isinstance(inside, kind):
                return inside
            inside = getattr(inside, "tracker", None)
        return next((stage for stage in self.stages if isinstance(stage, kind)), None)

    def close(self) -> None:
        """Closes the source; for a pipeline that is not run after all."""
        self.source.close()

    def __iter__(self) -> Generator[tuple[Frame, Tracks], None, None]:
        """Each frame with its tracks; closes the source at the end.

        NumPy's matrix products and OpenCV run in few threads until the iterator ends or is closed, the caller's too.
        """
        with closing(self.source):
            self._open()
            with limit_library_threads(), closing(self._contexts(StageClock())) as contexts:
                try:
                    for context in contexts:
                        yield context.frame, context.tracks
                finally:
                    self.source.close()  # first of all: a blocked read must end before its thread is waited for

    def run(
        self,
        sinks: Sequence[Sink] = (),
        *,
        slow_sinks: Sequence[Sink] = (),
        progress: Callable[[Frame], None] = lambda frame: None,
        stop: threading.Event | None = None,
    ) -> Summary:
        """Track all of the source into `sinks`, and close everything whatever happens.

        Args:
            sinks: written in the caller's thread, in this order (windows need that).
            slow_sinks: written in a thread each (video encoders).
            progress: called after each frame was written.
            stop: set it (and close the source, to end a blocked read) from a signal handler or another thread to end
                after the frame in hand, or without it where it takes more than PATIENCE_S; nothing half-written stays.

        Returns:
            the summary; `complete` is False where a sink raised `Stop` or `stop` was set.

        Raises:
            LiquidTrackError: the first thing that went wrong, after the frames before it were written.
        """
        clock, tally = StageClock(), _Tally()
        stop = stop or threading.Event()
        start = time.perf_counter()
        with ExitStack() as stack:
            stack.callback(self.source.close)
            self._open()
            stack.enter_context(limit_library_threads())
            for sink in (*slow_sinks, *sinks):
                sink.open(self.source.info, self.names)
                stack.callback(sink.close)
            titles = [f"sink {i} {type(sink).__name__}" for i, sink in enumerate((*slow_sinks, *sinks))]
            behind = [(title, _writing(sink)) for title, sink in zip(titles, slow_sinks, strict=False)]
            chain = self._contexts(clock, behind, _waiting(sinks, stop))
            stack.callback(chain.close)
            stack.callback(self.source.close)  # first of all: a blocked read must end before its thread is waited for
            here = zip(titles[len(behind) :], sinks, strict=True)
            writes = [clock.timed(title, _writing(sink)) for title, sink in here]
            try:
                for context in chain:
                    if stop.is_set():
                        break
                    for write in writes:
                        write(context)
                    tally.add(context)
                    progress(context.frame)
                if not stop.is_set():
                    for sink in sinks:
                        if isinstance(sink, EndSink):
                            sink.end()
            except Stop:
                stop.set()
            except LiquidTrackError:
                if not stop.is_set():  # what a source that is closed under way complains of is no error
                    raise
        return tally.summary(time.perf_counter() - start, clock.busy, not stop.is_set())

    def _open(self) -> None:
        if self._used:
            raise ConfigError("this pipeline has run, and its source is read; build another one.")
        self._used = True
        names = self.detector.names
        for stage in self.stages:
            names = stage.open(self.source.info, names)
        self.names = names

    def _contexts(
        self,
        clock: StageClock,
        behind: Sequence[tuple[str, Work]] = (),
        idle: Callable[[], None] | None = None,
    ) -> Generator[FrameContext, None, None]:
        """Every frame of the source with all that was found out about it, stages overlapping by threads.

        Args:
            clock: counts the seconds of work of each stage.
            behind: further named steps (drawing, encoding), each in a thread of its own.
            idle: called in the taker's thread about ten times a second while the next frame is not there.
        """
        steps: list[tuple[str, Callable[[Any], FrameContext]]] = [(stage_name(s), s) for s in self.stages]
        steps += behind
        frames: Generator[Any, None, None] = clock.reading(self.source)
        depth = self._ahead
        if self.source.info.live:
            # The source keeps its newest frame in a slot; a frame that waits anywhere else only grows old. So the
            # detector itself takes it from there, the moment it is free, and no stage runs ahead of the next one.
            depth, (first, detect) = 0, steps[0]
            steps[0] = (first, lambda frame: detect(FrameContext(frame)))
        else:
            frames = prefetch_map(frames, lambda frame: FrameContext(frame), depth)
        for left, (name, work) in zip(range(len(steps) - 1, -1, -1), steps, strict=True):
            frames = prefetch_map(frames, clock.timed(name, work), depth, None if left else idle)
        return frames


class _Tally:
    """Counts what a run amounts to."""

    def __init__(self) -> None:
        self.frames, self.first, self.last = 0, 0.0, 0.0
        self.ids: set[int] = set()
        self.detections, self.top = 0, (0.0, -1)

    def add(self, context: FrameContext) -> None:
        found = context.detections
        self.first = context.frame.time if self.frames == 0 else self.first
        self.last = context.frame.time
        self.frames += 1
        self.ids.update(context.tracks.confirmed.id.tolist())
        if len(found):
            self.detections += len(found)
            best = int(found.score.argmax())
            self.top = max(self.top, (float(found.score[best]), int(found.label[best])))

    def summary(self, wall: float, busy: dict[str, float], complete: bool) -> Summary:
        video = self.last - self.first
        return Summary(self.frames, len(self.ids), video, wall, busy, complete, self.detections, *self.top)


def _writing(sink: Sink) -> Work:
    camera = sink.camera if isinstance(sink, CameraSink) else None

    def write(context: FrameContext) -> FrameContext:
        if camera is not None:
            camera(context.warp)
        sink.write(context.frame, context.tracks)
        return context

    return write


def _waiting(sinks: Sequence[Sink], stop: threading.Event) -> Callable[[], None]:
    """What is done while the next frame is not there: windows obey, and a stop that lasts too long ends the run."""
    idlers = [sink for sink in sinks if isinstance(sink, IdleSink)]
    stopped: list[float] = []  # when the wish to end was first noticed

    def idle() -> None:
        for sink in idlers:
            sink.idle()
        if stop.is_set():
            stopped.append(time.monotonic())
            if stopped[-1] - stopped[0] > PATIENCE_S:
                raise Stop

    return idle


def track(
    source: Source | Iterable[Any],
    detector: Detector | Callable[[Frame], Any],
    tracker: Engine,
    *,
    before: Sequence[Stage] = (),
    after: Sequence[Stage] = (),
) -> Iterator[tuple[Frame, Tracks]]:
    """Each frame of `source` with its tracks: a `Pipeline` of parts that you made yourself, iterated.

    >>> from datasets import open_source
    >>> from tracker import Tracker, build_detector, track
    >>> for frame, tracks in track(open_source("street.mp4"), build_detector(), Tracker()):
    ...     print(f"{frame.time:.3f} s:", tracks.confirmed.id, tracks.confirmed.xyxy)
    0.000 s: ...

    The arguments are those of `Pipeline`.
    """
    return iter(Pipeline(source, detector, tracker, before=before, after=after))


def run(
    source: Source | Iterable[Any],
    detector: Detector | Callable[[Frame], Any],
    tracker: Engine,
    sinks: Sequence[Sink],
    *,
    slow_sinks: Sequence[Sink] = (),
    progress: Callable[[Frame], None] = lambda frame: None,
    stop: threading.Event | None = None,
    before: Sequence[Stage] = (),
    after: Sequence[Stage] = (),
) -> Summary:
    """Track all of `source` into `sinks`: a `Pipeline` of parts that you made yourself, run.

    The arguments are those of `Pipeline` and of its `run`.
    """
    pipeline = Pipeline(source, detector, tracker, before=before, after=after)
    return pipeline.run(sinks, slow_sinks=slow_sinks, progress=progress, stop=stop)
