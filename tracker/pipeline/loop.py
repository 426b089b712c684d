"""The one loop of the package: source -> detector -> appearance -> tracker -> sinks.

Stages overlap by threads (decoding, networks, drawing and encoding release the interpreter's lock), order is kept,
and bounded queues give back-pressure. The first error stops the run after the frames before it were written.
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
from tracker.pipeline.latency import Delay, Delays
from tracker.pipeline.looking import LookStep
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
    LiveSource,
    Sink,
    Source,
    Stage,
    Stop,
)
from tracker.schedule.online import LookSchedule
from tracker.types import Frame, Tracks

T = TypeVar("T")
Work = Callable[[FrameContext], FrameContext]

PATIENCE_S = 5.0  # seconds to wait for the current frame after a stop: a network may be slow, or never return


@contextmanager
def limit_library_threads() -> Iterator[None]:
    """Limits the threads of NumPy's matrix products and of OpenCV while the stages run, which share the cores.

    OpenBLAS's other threads spin for 26 ms after each larger product (2^26 clock cycles), on cores that the networks
    need: on two cores the whole pipeline took 1.5 times as long. An OpenCV function waits until the last of its threads
    has a core: on two cores that delayed the detector by 4 ms a frame.
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
    """The summary of a finished run.

    Attributes:
        frames: number of tracked frames.
        tracks: number of tracks that were shown at least once.
        video: seconds between the first and the last frame's times.
        wall: duration of the run, seconds.
        busy: seconds of work (not waiting) of each stage, by name.
        complete: False where the user or a signal ended the run early.
        detections: number of detections in all frames.
        top_score: the highest of their scores, 0..1.
        top_label: the class of that detection, an index into the detector's names; -1 where there is none.
        shown: number of frames that a window showed on its own, without waiting for the detector.
        to_screen: delays from the capture of these frames until they were shown.
        to_track: delays from the capture of a live frame until its tracks were known.
        looks: number of the tracked frames that the detector worked on.
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
    shown: int = 0
    to_screen: Delay | None = None
    to_track: Delay | None = None
    looks: int = 0


class Pipeline:
    """Runs one source through detector, tracker and all stages. Iterate it, or `run` it into sinks; once.

    >>> import numpy as np
    >>> from tracker import Pipeline, Tracker
    >>> pictures = ((np.zeros((90, 160, 3), np.uint8), seconds) for seconds in (0.0, 0.1, 0.35))
    >>> for frame, tracks in Pipeline(pictures, lambda frame: [[20, 30, 40, 80, 0.9, 0]], Tracker()):
    ...     print(f"{frame.time:.2f} s:", tracks.confirmed.id)
    0.00 s: [1]
    0.10 s: [1]
    0.35 s: [1]

    Args:
        source: a result of `open_source`, or an iterable of (image, seconds) or of `Frame`s.
        detector: a result of `build_detector`, or any function of a frame that returns what `Detections.of` takes.
        tracker: its `update` is called for each frame.
        before: stages between the detector and the tracker.
        after: stages after the tracker.
        ahead: number of frames that each stage of a recording may be ahead of the next one.
        schedule: which frames the detector works on; None: all. In others, tracks are predicted (`State.PREDICTED`).

    Raises:
        SourceError: `source` is not a source.
        ConfigError: `detector` is not a detector, or `tracker` cannot predict for a `schedule`.

    Attributes:
        names: the classes of the tracks, set when the first frame is read.
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
        schedule: LookSchedule | None = None,
    ) -> None:
        detect = DetectStage(detector)
        self.source = source_of(source)
        self.detector: Detector = detect.detector
        self.tracker = tracker
        tracking: tuple[Stage, ...] = (detect, *before, TrackStage(tracker))
        self.stages: tuple[Stage, ...] = (*tracking, *after)
        self._works: list[tuple[str, Work]] = [(stage_name(stage), stage) for stage in self.stages]
        if schedule is not None:
            self._works[: len(tracking)] = [(LookStep.name, LookStep(schedule, tracking, self.source.info.live))]
        self.names: tuple[str, ...] = self.detector.names
        self._ahead, self._used = ahead, False

    def find(self, kind: type[T]) -> T | None:
        """The stage, tracker or decorator of this class, or None."""
        inside: Any = self.tracker
        while inside is not None:
            if isinstance(inside, kind):
                return inside
            inside = getattr(inside, "tracker", None)
        return next((stage for stage in self.stages if isinstance(stage, kind)), None)

    def close(self) -> None:
        """Closes the source of a pipeline that is not run."""
        self.source.close()

    def __iter__(self) -> Generator[tuple[Frame, Tracks], None, None]:
        """Each frame with its tracks; closes the source at the end.

        NumPy's matrix products and OpenCV run with few threads, also in the caller, until the iterator ends or is
        closed.
        """
        with closing(self.source):
            self.begin()
            with limit_library_threads(), closing(self.contexts(StageClock())) as contexts:
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
        """Tracks the whole source into `sinks`, and closes everything also after an error.

        Args:
            sinks: written in the caller's thread, in this order (windows need that).
            slow_sinks: written in a thread each (video encoders).
            progress: called after each frame was written.
            stop: set it from a signal handler or another thread (and close the source, to end a blocked read) to end
                the run after the current frame, or without it where it takes more than PATIENCE_S. No incomplete output
                remains.

        Returns:
            the summary; `complete` is False where a sink raised `Stop` or `stop` was set.

        Raises:
            LiquidTrackError: the first error, after the frames before it were written.
        """
        clock, tally, delays = StageClock(), Tally(), Delays()
        stop = stop or threading.Event()
        start = time.perf_counter()
        with ExitStack() as stack:
            stack.callback(self.source.close)
            self.begin()
            stack.enter_context(limit_library_threads())
            for sink in (*slow_sinks, *sinks):
                sink.open(self.source.info, self.names)
                stack.callback(sink.close)
            titles = [f"sink {i} {type(sink).__name__}" for i, sink in enumerate((*slow_sinks, *sinks))]
            behind = [(title, writer_of(sink)) for title, sink in zip(titles, slow_sinks, strict=False)]
            chain = self.contexts(clock, behind, _waiting(sinks, stop))
            stack.callback(chain.close)
            stack.callback(self.source.close)  # first of all: a blocked read must end before its thread is waited for
            here = zip(titles[len(behind) :], sinks, strict=True)
            writes = [clock.timed(title, writer_of(sink)) for title, sink in here]
            try:
                for context in chain:
                    if stop.is_set():
                        break
                    for write in writes:
                        write(context)
                    tally.add(context)
                    if isinstance(self.source, LiveSource) and self.source.info.live:
                        delays.add(self.source.status.time - context.frame.time)
                    progress(context.frame)
                if not stop.is_set():
                    for sink in sinks:
                        if isinstance(sink, EndSink):
                            sink.end()
            except Stop:
                stop.set()
            except LiquidTrackError:
                if not stop.is_set():  # the failure of a source that was closed by `stop` is no error
                    raise
        return tally.summary(time.perf_counter() - start, clock.busy, not stop.is_set(), to_track=delays.result())

    def begin(self) -> None:
        """Opens all stages; once."""
        if self._used:
            raise ConfigError("this pipeline has run, and its source is read; build another one.")
        self._used = True
        names = self.detector.names
        for stage in self.stages:
            names = stage.open(self.source.info, names)
        self.names = names

    def contexts(
        self,
        clock: StageClock,
        behind: Sequence[tuple[str, Work]] = (),
        idle: Callable[[], None] | None = None,
        source: Source | None = None,
    ) -> Generator[FrameContext, None, None]:
        """The context of every frame of the source after all stages, which overlap by threads.

        Args:
            clock: counts the seconds of work of each stage.
            behind: further named steps (drawing, encoding), each in a thread of its own.
            idle: called in the consumer's thread about 10 times a second while it waits for the next frame.
            source: frames in place of those of the pipeline's source.
        """
        source = source or self.source
        steps: list[tuple[str, Callable[[Any], FrameContext]]] = [*self._works, *behind]
        frames: Generator[Any, None, None] = clock.reading(source)
        depth = self._ahead
        if source.info.live:
            # The source keeps its newest frame in a slot; a frame in any other queue only gets older. So the detector
            # itself takes the frame from the slot as soon as it is free, and no stage runs ahead of the next one.
            depth, (first, detect) = 0, steps[0]
            steps[0] = (first, lambda frame: detect(FrameContext(frame)))
        else:
            frames = prefetch_map(frames, lambda frame: FrameContext(frame), depth)
        for left, (name, work) in zip(range(len(steps) - 1, -1, -1), steps, strict=True):
            frames = prefetch_map(frames, clock.timed(name, work), depth, None if left else idle)
        return frames


class Tally:
    """Counts the numbers of a run's summary."""

    def __init__(self) -> None:
        self.frames, self.first, self.last = 0, 0.0, 0.0
        self.ids: set[int] = set()
        self.detections, self.looks, self.top = 0, 0, (0.0, -1)

    def add(self, context: FrameContext) -> None:
        """Adds a frame that was written."""
        found = context.detections
        self.first = context.frame.time if self.frames == 0 else self.first
        self.last = context.frame.time
        self.frames += 1
        self.looks += context.looked
        self.ids.update(context.tracks.confirmed.id.tolist())
        if len(found):
            self.detections += len(found)
            best = int(found.score.argmax())
            self.top = max(self.top, (float(found.score[best]), int(found.label[best])))

    def summary(
        self,
        wall: float,
        busy: dict[str, float],
        complete: bool,
        shown: int = 0,
        to_screen: Delay | None = None,
        to_track: Delay | None = None,
    ) -> Summary:
        """The summary of all frames so far."""
        video = self.last - self.first
        found = self.detections, *self.top
        live = shown, to_screen, to_track
        return Summary(self.frames, len(self.ids), video, wall, busy, complete, *found, *live, self.looks)


def writer_of(sink: Sink) -> Work:
    """A step that writes a frame into `sink`, and passes it on."""
    camera = sink.camera if isinstance(sink, CameraSink) else None

    def write(context: FrameContext) -> FrameContext:
        if camera is not None:
            camera(context.warp)
        sink.write(context.frame, context.tracks)
        return context

    return write


def _waiting(sinks: Sequence[Sink], stop: threading.Event) -> Callable[[], None]:
    """The function called while waiting for a frame: handles keys of windows, and ends a stop that takes too long."""
    idlers = [sink for sink in sinks if isinstance(sink, IdleSink)]
    stopped: list[float] = []  # time at which `stop` was first noticed

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
    """Each frame of `source` with its tracks: iterates a `Pipeline` of the given parts.

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
    """Tracks the whole `source` into `sinks`: runs a `Pipeline` of the given parts.

    The arguments are those of `Pipeline` and of its `run`.
    """
    pipeline = Pipeline(source, detector, tracker, before=before, after=after)
    return pipeline.run(sinks, slow_sinks=slow_sinks, progress=progress, stop=stop)
