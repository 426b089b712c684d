"""The one loop of the house: source -> detector -> appearance -> tracker -> sinks.

Stages overlap by threads (decoding, networks, drawing and encoding release the interpreter's lock), order is kept,
bounded queues give back-pressure, and the first error stops everything after the frames before it were written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypedDict, TypeVar, Unpack

import cv2
from threadpoolctl import threadpool_limits

from models.errors import DataError, LiquidTrackError
from models.runtime.session import beside_threads
from tracker.detectors.class_names import names_of
from tracker.detectors.registry import detector_of
from tracker.inputs.images import source_of
from tracker.prefetch import QUEUE, overlap
from tracker.protocols import (
    CameraMotion,
    CameraSink,
    Detector,
    Embedder,
    EndSink,
    IdleSink,
    Pointer,
    Sink,
    Source,
    Stop,
    Update,
)
from tracker.stage_clock import StageClock
from tracker.types import Detections, Float64, Frame, Tracks

A = TypeVar("A")
B = TypeVar("B")

PATIENCE_S = 5.0  # for the frame in hand once somebody ends the run: a network may be slow, or never return


@contextmanager
def calm_libraries() -> Iterator[None]:
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


class Behind(Protocol):
    """What the loop asks of what comes behind the tracker: it follows marked objects, or names the kinds of tracks."""

    def names(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """The class names that are known, and its own."""
        ...

    def __call__(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The tracks of a frame, with its own beside them or its own classes in them."""
        ...


class Renaming(Protocol):
    """What the loop asks of what gives old ids to tracks that come back."""

    def around(self, update: Update, frame: Frame) -> Update:
        """The engine's `update` for one frame, with those ids."""
        ...


class Engine(Protocol):
    """What the loop asks of a tracker."""

    def update(self, detections: Detections, time: float, warp: Float64 | None = None) -> Tracks: ...


class Others(TypedDict, total=False):
    """The stages that may be left out.

    Attributes:
        embedder: tells how detections look, where the tracker should know.
        camera_motion: tells how the camera has moved.
        pointer: follows objects that were pointed at.
        masks: follows marked objects beside the tracker.
        returning: gives old ids to tracks that come back.
        recogniser: names the kinds of what is tracked.
    """

    embedder: Embedder | None
    camera_motion: CameraMotion | None
    pointer: Pointer | None
    masks: Behind | None
    returning: Renaming | None
    recogniser: Behind | None


@dataclass(frozen=True, slots=True)
class Step:
    """What is known of one frame on its way through the stages."""

    frame: Frame
    detections: Detections = field(default_factory=Detections.empty)
    features: Any = None
    warp: Float64 | None = None
    tracks: Tracks = field(default_factory=Tracks.empty)


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


def _stages(
    detector: Detector | Callable[[Frame], Any],
    tracker: Engine,
    embedder: Embedder | None = None,
    camera_motion: CameraMotion | None = None,
    pointer: Pointer | None = None,
    masks: Behind | None = None,
    returning: Renaming | None = None,
    recogniser: Behind | None = None,
) -> Iterator[tuple[str, Callable[[Step], Step]]]:
    known = names_of(detector) if hasattr(detector, "names") else ()

    def detect(step: Step) -> Step:
        found = Detections.of(detector(step.frame), known, flat=True)
        if known and len(found) and found.label.max() >= len(known):
            said = f"frame {step.frame.index}: the detector answered class {found.label.max()}"
            raise DataError(f"{said} where {len(known)} have names; complete its `names`.")
        return replace(step, detections=found)

    yield "detect", detect
    if embedder is not None:

        def features(step: Step) -> Step:
            if not embedder.needed(step.detections, step.frame.time):
                return step
            return replace(step, features=embedder.features(step.frame))

        yield "features", features

    def track(step: Step) -> Step:
        if embedder is not None and step.features is not None:
            embedding = embedder.pool(step.features, step.detections.xyxy)
            step = replace(step, detections=step.detections.with_embedding(embedding), features=None)
        warp = None if camera_motion is None else camera_motion(step.frame, step.detections)
        update = tracker.update if returning is None else returning.around(tracker.update, step.frame)
        if pointer is not None:
            return replace(step, warp=warp, tracks=pointer(step.frame, step.detections, warp, update))
        return replace(step, warp=warp, tracks=update(step.detections, step.frame.time, warp))

    yield "track", track
    if recogniser is not None:
        yield "recognise", lambda step: replace(step, tracks=recogniser(step.frame, step.tracks))
    if masks is not None:
        yield "masks", lambda step: replace(step, tracks=masks(step.frame, step.tracks))


def steps(
    source: Source,
    detector: Detector | Callable[[Frame], Any],
    tracker: Engine,
    *,
    after: Sequence[tuple[str, Callable[[Step], Step]]] = (),
    clock: StageClock | None = None,
    idle: Callable[[], None] | None = None,
    **others: Unpack[Others],
) -> Generator[Step, None, None]:
    """Every frame of `source` with all that was found out about it, stages overlapping by threads.

    Args:
        after: further named stages (drawing, encoding), each in a thread of its own.
        clock: counts the seconds of work of each stage.
        idle: called in the taker's thread about ten times a second while the next frame is not there.
        others: see `Others`.
    """
    clock = clock or StageClock()
    stages: list[tuple[str, Callable[[Any], Step]]] = [*_stages(detector, tracker, **others), *after]
    frames: Generator[Any, None, None] = clock.reading(source)
    if source.info.live:
        # The source keeps its newest frame in a slot; a frame that waits anywhere else only grows old. So the detector
        # itself takes it from there, the moment it is free, and no stage runs ahead of the next one.
        depth, (first, detect) = 0, stages[0]
        stages[0] = (first, lambda frame: detect(Step(frame)))
    else:
        # The stages should not be far ahead of somebody who points at what a window shows.
        pointer = others.get("pointer")
        depth = 1 if pointer is not None and pointer.interactive else QUEUE
        frames = overlap(frames, lambda frame: Step(frame), depth)
    for name, work in stages:
        frames = overlap(frames, clock.timed(name, work), depth, idle if name == stages[-1][0] else None)
    return frames


def track(
    source: Source | Iterable[Any],
    detector: Detector | Callable[[Frame], Any],
    tracker: Engine,
    **others: Unpack[Others],
) -> Iterator[tuple[Frame, Tracks]]:
    """Each frame of `source` with its tracks; closes the source at the end.

    NumPy's matrix products and OpenCV run in few threads until the iterator ends or is closed, the caller's too.

    >>> from datasets import open_source
    >>> from tracker import Tracker, build_detector, track
    >>> for frame, tracks in track(open_source("street.mp4"), build_detector(), Tracker()):
    ...     print(f"{frame.time:.3f} s:", tracks.shown.id, tracks.shown.xyxy)
    0.000 s: ...

    Pictures of your own come as (picture, seconds), and any function is a detector:

    >>> import numpy as np
    >>> pictures = ((np.zeros((90, 160, 3), np.uint8), seconds) for seconds in (0.0, 0.1, 0.35))
    >>> for frame, tracks in track(pictures, lambda frame: [[20, 30, 40, 80, 0.9, 0]], Tracker()):
    ...     print(f"{frame.time:.2f} s:", tracks.shown.id)
    0.00 s: [1]
    0.10 s: [1]
    0.35 s: [1]

    Args:
        source: what `open_source` opens, or an iterable of (picture, seconds) or of `Frame`s.
        detector: what `build_detector` builds, or any function of a frame that answers as `Detections.of` takes it.
        tracker: whose `update` is called for each frame.
        others: further stages, see `Others`.
    """
    if not callable(detector):
        detector_of(detector)
    source = source_of(source)
    chain = steps(source, detector, tracker, **others)
    with calm_libraries(), closing(chain):
        try:
            for step in chain:
                yield step.frame, step.tracks
        finally:
            source.close()


def run(
    source: Source | Iterable[Any],
    detector: Detector | Callable[[Frame], Any],
    tracker: Engine,
    sinks: Sequence[Sink],
    *,
    slow_sinks: Sequence[Sink] = (),
    progress: Callable[[Frame], None] = lambda frame: None,
    stop: threading.Event | None = None,
    **others: Unpack[Others],
) -> Summary:
    """Track all of `source` into `sinks`, and close everything whatever happens.

    Args:
        source: as for `track`.
        detector: as for `track`.
        tracker: as for `track`.
        sinks: written in the caller's thread, in this order (windows need that).
        slow_sinks: written in a thread each (video encoders).
        progress: called after each frame was written.
        stop: set it (and close the source, to end a blocked read) from a signal handler or another thread to end after
            the frame in hand, or without it where it takes more than PATIENCE_S; nothing half-written stays behind.
        others: further stages, see `Others`.

    Returns:
        the summary; `complete` is False where a sink raised `Stop` or `stop` was set.

    Raises:
        LiquidTrackError: the first thing that went wrong, after the frames before it were written.
    """
    source, detector = source_of(source), detector_of(detector)
    clock = StageClock()
    stop = stop or threading.Event()
    seen: set[int] = set()
    frames, first, last = 0, 0.0, 0.0
    detections, top = 0, (0.0, -1)
    start = time.perf_counter()

    def into(sink: Sink) -> Callable[[Step], Step]:
        camera = sink.camera if isinstance(sink, CameraSink) else None

        def write(step: Step) -> Step:
            if camera is not None:
                camera(step.warp)
            sink.write(step.frame, step.tracks)
            return step

        return write

    waiting = [sink for sink in sinks if isinstance(sink, IdleSink)]

    stopped: list[float] = []  # when it was first seen that somebody wants to end

    def idle() -> None:
        for sink in waiting:
            sink.idle()
        if stop.is_set():
            stopped.append(time.monotonic())
            if stopped[-1] - stopped[0] > PATIENCE_S:
                raise Stop

    pointer = others.get("pointer")
    names = detector.names if pointer is None else pointer.names
    for behind in (others.get("recogniser"), others.get("masks")):
        names = names if behind is None else behind.names(names)
    with calm_libraries(), ExitStack() as stack:
        stack.callback(source.close)
        for sink in (*slow_sinks, *sinks):
            sink.open(source.info, names)
            stack.callback(sink.close)
        after = [(f"sink {i} {type(s).__name__}", into(s)) for i, s in enumerate(slow_sinks)]
        chain = steps(source, detector, tracker, after=after, clock=clock, idle=idle, **others)
        stack.callback(chain.close)
        stack.callback(source.close)  # first of all: a blocked read must end before its thread is waited for
        writes = [clock.timed(f"sink {i} {type(s).__name__}", into(s)) for i, s in enumerate(sinks, len(after))]
        try:
            for step in chain:
                if stop.is_set():
                    break
                for write in writes:
                    write(step)
                first = step.frame.time if frames == 0 else first
                last = step.frame.time
                frames += 1
                seen.update(step.tracks.shown.id.tolist())
                if found := len(step.detections):
                    detections += found
                    best = int(step.detections.score.argmax())
                    top = max(top, (float(step.detections.score[best]), int(step.detections.label[best])))
                progress(step.frame)
            if not stop.is_set():
                for sink in sinks:
                    if isinstance(sink, EndSink):
                        sink.end()
        except Stop:
            stop.set()
        except LiquidTrackError:
            if not stop.is_set():  # what a source that is closed under way complains of is no error
                raise
    wall = time.perf_counter() - start
    return Summary(frames, len(seen), last - first, wall, clock.busy, not stop.is_set(), detections, *top)
