"""The one loop: order, back-pressure, the first error, and an end that loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from models.errors import DataError, SourceError
from models.runtime.compute import beside_threads
from tracker.pipeline.loop import run, track
from tracker.pipeline.prefetch import prefetch_map
from tracker.pipeline.stages import CameraMotionStage, EmbedStage
from tracker.protocols import SourceInfo, Stop
from tracker.types import Detections, Float64, Frame, Tracks


class Clip:
    """A source of `count` small frames that ends in `error` if there is one."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.count, self.error, self.closed, self.given = count, error, False, 0
        self.info = SourceInfo("clip", 8, 6, frames=count)

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.count):
            if self.closed:
                return
            self.given += 1
            yield Frame(np.full((6, 8, 3), index % 256, np.uint8), index, index / 10)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed = True


class OneBox:
    names = ("thing",)

    def __call__(self, frame: Frame) -> Detections:
        x = float(frame.bgr[0, 0, 0])
        return Detections(np.array([[x, 0, x + 4, 5]]), np.array([1.0]), np.array([0]))


class Same:
    """A tracker that gives every detection the id 1 and remembers what it was handed."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.warps: list[Float64 | None] = []

    def update(self, detections: Detections, time: float, warp: Float64 | None = None) -> Tracks:
        self.times.append(time)
        self.warps.append(warp)
        n = np.ones(len(detections))
        return Tracks(n, detections.xyxy, detections.score, 0 * n, n, 0 * n, 0 * n)  # type: ignore[arg-type]


class Memory:
    def __init__(self, stop_at: int | None = None) -> None:
        self.rows: list[tuple[int, float, float]] = []
        self.opened = self.closed = 0
        self.stop_at = stop_at
        self.thread: threading.Thread | None = None

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        assert names == ("thing",)
        self.opened += 1

    def write(self, frame: Frame, tracks: Tracks) -> None:
        if frame.index == self.stop_at:
            raise Stop
        self.thread = threading.current_thread()
        self.rows.append((frame.index, frame.time, float(tracks.confirmed.xyxy[0, 0])))

    def close(self) -> None:
        self.closed += 1


EXPECTED = [(i, i / 10, float(i)) for i in range(40)]


def test_every_frame_reaches_every_sink_in_order_with_its_own_boxes() -> None:
    source, here, apart = Clip(40), Memory(), Memory()
    summary = run(source, OneBox(), Same(), [here], slow_sinks=[apart])
    assert here.rows == apart.rows == EXPECTED
    assert here.thread is threading.main_thread()
    assert apart.thread is not threading.main_thread()
    assert (here.opened, here.closed, apart.opened, apart.closed) == (1, 1, 1, 1)
    assert source.closed
    assert (summary.frames, summary.tracks, summary.complete) == (40, 1, True)
    assert summary.video == pytest.approx(3.9)
    assert set(summary.busy) == {"read", "detect", "track", "sink 0 Memory", "sink 1 Memory"}


def test_source_error_is_raised_after_all_earlier_frames_are_written() -> None:
    sink = Memory()
    with pytest.raises(SourceError, match="torn"):
        run(Clip(40, SourceError("torn")), OneBox(), Same(), [sink])
    assert sink.rows == EXPECTED
    assert sink.closed == 1


def test_error_mid_run_is_reported_and_all_stages_end() -> None:
    class Fails(OneBox):
        def __call__(self, frame: Frame) -> Detections:
            if frame.index == 12:
                raise DataError("no more")
            return super().__call__(frame)

    before, sink, source = threading.active_count(), Memory(), Clip(10_000)
    with pytest.raises(DataError, match="no more"):
        run(source, Fails(), Same(), [sink])
    assert sink.rows == EXPECTED[:12]
    assert source.closed
    assert source.given < 40  # back-pressure: the source never ran far ahead
    assert threading.active_count() == before


def test_failing_sink_ends_the_run_and_closes_the_others() -> None:
    class Full(Memory):
        def write(self, frame: Frame, tracks: Tracks) -> None:
            if frame.index == 5:
                raise DataError("disk full")
            super().write(frame, tracks)

    full, other = Full(), Memory()
    with pytest.raises(DataError, match="disk full"):
        run(Clip(40), OneBox(), Same(), [other], slow_sinks=[full])
    assert full.rows == other.rows == EXPECTED[:5]
    assert full.closed == other.closed == 1


def test_quitting_the_window_is_no_error() -> None:
    sink = Memory(stop_at=7)
    summary = run(Clip(40), OneBox(), Same(), [sink])
    assert sink.rows == EXPECTED[:7]
    assert not summary.complete


def test_external_stop_ends_after_the_current_frame() -> None:
    stop, sink = threading.Event(), Memory()
    summary = run(Clip(40), OneBox(), Same(), [sink], stop=stop, progress=lambda f: f.index == 9 and stop.set())
    assert sink.rows == EXPECTED[:10]
    assert not summary.complete
    assert sink.closed == 1


def test_opened_sinks_are_closed_if_a_later_one_fails_to_open() -> None:
    class Shut(Memory):
        def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
            raise DataError("not writable")

    first, source = Memory(), Clip(3)
    with pytest.raises(DataError, match="not writable"):
        run(source, OneBox(), Same(), [first, Shut()])
    assert first.closed == 1
    assert source.closed


def test_library_threads_are_limited_while_the_stages_run() -> None:
    def threads() -> tuple[set[int], int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}, cv2.getNumThreads()

    class Look(Memory):
        def write(self, frame: Frame, tracks: Tracks) -> None:
            seen.append(threads())

    seen: list[tuple[set[int], int]] = []
    with threadpool_limits(2, "blas"):
        before = threads()
        run(Clip(2), OneBox(), Same(), [Look()])
        assert seen == [({1}, beside_threads())] * 2
        assert threads() == before


def test_camera_motion_and_features_reach_the_tracker() -> None:
    class Embed:
        def needed(self, detections: Detections, time: float) -> bool:
            return True

        def features(self, frame: Frame) -> int:
            return frame.index

        def pool(self, features: int, xyxy: np.ndarray) -> np.ndarray:
            return np.full((len(xyxy), 2), (np.sin(features), np.cos(features)), np.float32)

    class Looks(Same):
        def update(self, detections: Detections, time: float, warp: Float64 | None = None) -> Tracks:
            assert detections.embedding is not None
            assert detections.embedding[0, 0] == pytest.approx(np.sin(round(time * 10)))
            return super().update(detections, time, warp)

    engine = Looks()
    shift = np.array([[1.0, 0, 3], [0, 1, 0]])
    moves = CameraMotionStage(lambda frame, found: shift * frame.index)
    run(Clip(5), OneBox(), engine, [], before=[EmbedStage(Embed()), moves])
    assert [w[0, 2] for w in engine.warps if w is not None] == [0, 3, 6, 9, 12]
    assert engine.times == [0, 0.1, 0.2, 0.3, 0.4]


def test_embedding_network_runs_only_on_requested_frames() -> None:
    class Embed:
        def needed(self, detections: Detections, time: float) -> bool:
            return round(10 * time) % 2 == 1

        def features(self, frame: Frame) -> int:
            looked.append(frame.index)
            return 1

        def pool(self, features: int, xyxy: np.ndarray) -> np.ndarray:
            return np.ones((len(xyxy), 1), np.float32)

    class Looks(Same):
        def update(self, detections: Detections, time: float, warp: Float64 | None = None) -> Tracks:
            seen.append(detections.embedding is not None)
            return super().update(detections, time, warp)

    looked: list[int] = []
    seen: list[bool] = []
    assert run(Clip(6), OneBox(), Looks(), [], before=[EmbedStage(Embed())]).frames == 6
    assert looked == [1, 3, 5]
    assert seen == [False, True] * 3


def test_track_is_a_plain_iterator_that_closes_its_source() -> None:
    source = Clip(40)
    for frame, tracks in track(source, OneBox(), Same()):
        assert tracks.xyxy[0, 0] == frame.index
        if frame.index == 3:
            break
    deadline = time.monotonic() + 10
    while not source.closed and time.monotonic() < deadline:
        time.sleep(0.01)
    assert source.closed


def test_pipeline_stages_run_concurrently() -> None:
    """Two stages that wait for each other's next item can only finish when both run at once."""
    ahead = threading.Semaphore(0)

    def first(item: int) -> int:
        ahead.release()
        return item

    def second(item: int) -> int:
        assert ahead.acquire(timeout=10)  # its own item's release
        if item < 9:
            assert ahead.acquire(timeout=10)  # the next item's: it must be under way already
            ahead.release()
        return item

    assert list(prefetch_map(prefetch_map(range(10), first), second)) == list(range(10))


def test_live_frames_do_not_queue_between_the_stages() -> None:
    """The detector takes a frame at the moment it is free for it, and no stage is more than one frame ahead."""

    class Camera(Clip):
        def __init__(self, count: int) -> None:
            super().__init__(count)
            self.info = SourceInfo("camera", 8, 6, live=True)

    class Late(OneBox):
        def __call__(self, frame: Frame) -> Detections:
            seen.append((source.given - 1 - frame.index, frame.index - len(engine.times)))
            return super().__call__(frame)

    class Slow(Memory):
        def write(self, frame: Frame, tracks: Tracks) -> None:
            time.sleep(0.01)
            ahead.append(len(seen) - 1 - frame.index)
            super().write(frame, tracks)

    seen: list[tuple[int, int]] = []
    ahead: list[int] = []
    source, engine, sink = Camera(40), Same(), Slow()
    run(source, Late(), engine, [sink])
    assert sink.rows == EXPECTED
    assert {waiting for waiting, _ in seen} == {0}
    assert max(untracked for _, untracked in seen) <= 1
    assert max(ahead) <= 2


def test_sink_is_called_while_waiting_for_the_next_frame() -> None:
    class Patient(Memory):
        calls = 0

        def idle(self) -> None:
            assert threading.current_thread() is threading.main_thread()
            self.calls += 1
            if self.calls == 3:
                go_on.set()

    class Halting(Clip):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                assert frame.index < 20 or go_on.wait(timeout=30)
                yield frame

    go_on, sink = threading.Event(), Patient()
    run(Halting(40), OneBox(), Same(), [sink])
    assert sink.rows == EXPECTED
    assert sink.calls >= 3


def test_closing_the_window_while_waiting_ends_the_run() -> None:
    class Impatient(Memory):
        def idle(self) -> None:
            raise Stop

    class Halting(Clip):
        def __iter__(self) -> Iterator[Frame]:
            yield from super().__iter__()
            closed.wait(timeout=30)

        def close(self) -> None:
            closed.set()

    closed, sink = threading.Event(), Impatient()
    assert not run(Halting(3), OneBox(), Same(), [sink]).complete
    assert sink.rows == EXPECTED[:3]


def test_memory_between_stages_is_bounded() -> None:
    made = []
    taken = prefetch_map(iter(range(1000)), lambda i: made.append(i) or i, depth=2)
    next(taken)
    time.sleep(0.3)
    assert len(made) <= 5
    taken.close()


def test_unknown_stage_is_refused() -> None:
    with pytest.raises(TypeError, match="embeder"):
        run(Clip(1), OneBox(), Same(), [], embeder=None)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="embeder"):
        next(iter(track(Clip(1), OneBox(), Same(), embeder=None)))  # type: ignore[call-arg]
