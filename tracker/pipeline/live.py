"""Live sources whose display never waits: every captured frame is shown at once, with the tracks predicted to its time.

Three parts run side by side. One takes each frame from the source and hands it to all others. The caller's thread shows
the newest frame with the newest result, predicted to the frame's time. The stages work at their own pace, always on the
newest frame; their results go to the files. A result is an unchanging `Look`, handed over by one assignment: no lock is
held while something is drawn or detected.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any, Literal

from models.errors import LiquidTrackError
from tracker.pipeline.latency import Delays
from tracker.pipeline.live_tracks import Blend, Look, Looks
from tracker.pipeline.looking import CameraChain
from tracker.pipeline.loop import PATIENCE_S, Pipeline, Summary, Tally, limit_library_threads, writer_of
from tracker.pipeline.newest_frame import NewestFrame
from tracker.pipeline.prefetch import POLL_S, QUEUE, prefetch_map
from tracker.pipeline.shared_detector import DetectorShare
from tracker.pipeline.stage_clock import StageClock
from tracker.pipeline.stages import TrackStage
from tracker.pipeline.unhurried import Unhurried
from tracker.protocols import EndSink, FrameContext, IdleSink, LiveSource, PastSink, Sink, Stop
from tracker.types import Frame, Tracks

MOST_PAST = 600  # looks that a paused window has not seen: more than its trails show


def run_live(
    pipeline: Pipeline,
    windows: Sequence[Sink] = (),
    sinks: Sequence[Sink] = (),
    *,
    slow_sinks: Sequence[Sink] = (),
    boxes: Literal["seen", "predicted"] = "seen",
    progress: Callable[[Frame], None] = lambda frame: None,
    stop: threading.Event | None = None,
) -> Summary:
    """Tracks a live source into `windows`, which never wait for the detector, and into `sinks`.

    Args:
        pipeline: not yet run; its source is live.
        windows: shown every captured frame in the caller's thread. Where they are slower than the source, frames are
            left out, so that the newest one is shown next.
        sinks: written in order in one other thread.
        slow_sinks: written in a thread each.
        boxes: what `sinks` and `slow_sinks` get. seen: the frames that the detector looked at. predicted: every
            captured frame; those between looks have the state `PREDICTED`.
        progress: called after each frame was written to them.
        stop: ends the run, as for `Pipeline.run`.

    Returns:
        the summary, with the delays to the screen and to the tracks.

    Raises:
        LiquidTrackError: the first error, after the frames before it were written.
    """
    return _LiveRun(pipeline, windows, (*slow_sinks, *sinks), len(slow_sinks), boxes, progress, stop).run()


class _LiveRun:
    def __init__(
        self,
        pipeline: Pipeline,
        windows: Sequence[Sink],
        sinks: Sequence[Sink],
        slow: int,
        boxes: Literal["seen", "predicted"],
        progress: Callable[[Frame], None],
        stop: threading.Event | None,
    ) -> None:
        source = pipeline.source
        assert isinstance(source, LiveSource)
        self._pipeline, self._source, self._windows, self._progress = pipeline, source, windows, progress
        self._sinks, self._slow = sinks, slow
        self._stop = stop or threading.Event()
        self._clock, self._tally = StageClock(), Tally()
        shared = pipeline.detector if isinstance(pipeline.detector, DetectorShare) else None
        self._slot = NewestFrame(source.info) if shared is None else shared.slot(source.info)
        self._unhurried = Unhurried(self._slot) if boxes == "predicted" else None
        self._look: Look | None = None
        self._display = NewestFrame(source.info)
        self._past: deque[Look] = deque(maxlen=MOST_PAST)  # looks that the windows were not told of yet
        self._error: BaseException | None = None  # of the stages or the files: it ends the run
        self._lost: BaseException | None = None  # of the source: raised after its last frame is written
        self._screen, self._tracked = Delays(), Delays()
        self._shown = 0

    def run(self) -> Summary:
        start = time.perf_counter()
        with ExitStack() as stack:
            stack.callback(self._source.close)
            self._pipeline.begin()
            for stage in self._pipeline.stages:
                if isinstance(stage, TrackStage):
                    stage.predict_ahead()
            stack.enter_context(limit_library_threads())
            for sink in (*self._sinks, *self._windows):
                sink.open(self._source.info, self._pipeline.names)
                stack.callback(sink.close)
            works = [self._capture, self._detect] + ([self._write_all] if self._unhurried is not None else [])
            threads = [
                threading.Thread(target=self._guarded, args=(work,), daemon=True, name=f"live {work.__name__}")
                for work in works
            ]
            stack.callback(self._end, threads)
            for thread in threads:
                thread.start()
            try:
                self._show_all()
            except BaseException:  # also of a second Ctrl-C
                self._stop.set()
                raise
            self._end(threads)
            error = self._error or self._lost
            if error is not None and not (self._stop.is_set() and isinstance(error, LiquidTrackError)):
                raise error  # the failure of a source that was closed by `stop` is no error
            for window in self._windows:
                if isinstance(window, EndSink) and not self._stop.is_set():
                    window.end()
        wall = time.perf_counter() - start
        live = self._screen.result(), self._tracked.result()
        return self._tally.summary(wall, self._clock.busy, not self._stop.is_set(), self._shown, *live)

    def _capture(self) -> None:
        """Takes every frame that the source gives, and hands it on; nothing here waits for the others."""
        try:
            for frame in self._source:
                if self._stop.is_set() or self._error is not None:
                    return
                self._slot.put(frame)
                if self._unhurried is not None:
                    self._unhurried.put(frame)
                self._display.put(frame)
        finally:
            self._slot.end()
            self._display.end()

    def _show_all(self) -> None:
        """The caller's thread: shows the newest frame until the source, the user or an error ends the run."""
        blend, draw = Blend(), self._clock.timed("show", self._draw)
        try:
            while not (self._display.ended or self._stop.is_set() or self._error is not None):
                frame = self._display.take(POLL_S)
                if frame is not None and self._windows:
                    look = self._look
                    draw((frame, Tracks.empty() if look is None else blend(look, frame.time)))
                    self._screen.add(self._source.status.time - frame.time)
                    self._shown += 1
                if frame is None:
                    for window in self._windows:
                        if isinstance(window, IdleSink):
                            window.idle()
        except Stop:
            self._stop.set()

    def _draw(self, item: tuple[Frame, Tracks]) -> None:
        while self._past:
            look = self._past.popleft()
            for window in self._windows:
                if (camera := getattr(window, "camera", None)) is not None:
                    camera(look.context.warp)
                if isinstance(window, PastSink):
                    window.past(look.time, look.context.tracks)
        for window in self._windows:
            window.write(*item)

    def _looks(self) -> Generator[FrameContext, None, None]:
        """Runs the stages on the newest frames, and announces each result as soon as it is there."""
        looks, camera = Looks(), CameraChain()
        with closing(self._pipeline.contexts(self._clock, source=self._slot)) as contexts:
            for context in contexts:
                camera.add(context.warp)
                if not context.looked:
                    self._slot.done(context.frame.index)
                    if self._unhurried is None:
                        yield context
                    continue
                self._look = look = looks(replace(context, warp=camera.take()))
                self._tracked.add(self._source.status.time - context.frame.time)
                if self._windows:
                    self._past.append(look)
                if self._unhurried is not None:
                    self._unhurried.looked(look)
                else:
                    self._slot.done(context.frame.index)
                yield context

    def _detect(self) -> None:
        if self._unhurried is None:
            self._write(self._looks())
            return
        try:
            with closing(self._looks()) as looks:
                for _ in looks:
                    if self._stop.is_set():
                        return
        finally:
            self._unhurried.close()

    def _write_all(self) -> None:
        assert self._unhurried is not None
        self._write(iter(self._unhurried))

    def _write(self, contexts: Iterator[FrameContext]) -> None:
        """Writes frames into the sinks, the slow ones in threads of their own."""
        titles = [f"sink {k} {type(sink).__name__}" for k, sink in enumerate(self._sinks)]
        writes = [self._clock.timed(title, writer_of(sink)) for title, sink in zip(titles, self._sinks, strict=True)]
        chain: Iterable[Any] = contexts
        for write in writes[: self._slow]:
            chain = prefetch_map(chain, write, QUEUE)
        try:
            for context in chain:
                if self._stop.is_set() and self._unhurried is None:
                    return
                for write in writes[self._slow :]:
                    write(context)
                self._tally.add(context)
                self._progress(context.frame)
        except BaseException:
            self._slot.close()  # first of all: a stage that waits for a frame must end before it is waited for
            raise
        finally:
            if isinstance(chain, Generator):
                chain.close()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Runs a thread; an error of the stages or the files ends the run."""
        try:
            work()
        except Stop:
            self._stop.set()
        except BaseException as error:  # passed on unchanged: the caller's thread raises it
            if work == self._capture:
                self._lost = error
            else:
                self._error = self._error or error
        if self._error is not None or self._stop.is_set():
            self._source.close()  # ends the wait for the next frame
            self._slot.close()
            if self._unhurried is not None:
                self._unhurried.close()

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        """Lets the stages finish the frame that they work on: all of it, or no longer than PATIENCE_S after a stop."""
        self._source.close()
        until: float | None = None
        while any(thread.is_alive() for thread in threads):
            if self._stop.is_set():
                self._slot.close()
                until = until or time.monotonic() + PATIENCE_S
                if time.monotonic() >= until:
                    break
            for thread in threads:
                thread.join(POLL_S / len(threads))
