"""Live sources whose display does not wait for the detector: order, newest frames, files, errors, and the end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from datasets.sources.cameras import CameraSource
from datasets.sources.config import SourceConfig
from models.errors import DataError, SourceError
from tests.support.fake_camera import FakeCamera
from tests.support.scripted_camera import Scripted, Walker, until, where
from tracker.engine import Tracker
from tracker.pipeline.live import run_live
from tracker.pipeline.loop import Pipeline, Summary
from tracker.pipeline.newest_frame import NewestFrame
from tracker.pipeline.unhurried import MOST_FRAMES, Unhurried
from tracker.protocols import SourceInfo, Stop
from tracker.types import Detections, Frame, State, Tracks


class Screen:
    """A window that notes what it shows; `at` is called at every frame, from the caller's thread."""

    def __init__(self, at: Callable[[int], None] = lambda index: None) -> None:
        self.at = at
        self.shown: list[tuple[int, Tracks]] = []
        self.looks: list[tuple[float, Tracks]] = []
        self.threads: set[threading.Thread] = set()
        self.idled = self.closed = 0
        self.ended = False

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        assert names == ("walker",)

    def past(self, time: float, tracks: Tracks) -> None:
        self.looks.append((time, tracks))

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self.threads.add(threading.current_thread())
        self.shown.append((frame.index, tracks))
        self.at(frame.index)

    def idle(self) -> None:
        self.idled += 1

    def end(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed += 1


class File:
    def __init__(self) -> None:
        self.rows: list[tuple[int, Tracks]] = []
        self.closed = 0

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        pass

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self.rows.append((frame.index, tracks.confirmed))

    def close(self) -> None:
        self.closed += 1

    @property
    def numbers(self) -> list[int]:
        return [index for index, _ in self.rows]


def test_every_frame_is_shown_while_the_detector_is_busy() -> None:
    source, detector = Scripted(50), Walker()

    def at(index: int) -> None:
        if index == 0:
            until(lambda: detector.asked == [0])
        if index == 19:  # the detector has the first frame since it came; now it may answer
            detector.allowed.release(1_000_000)
            until(lambda: len(detector.asked) > 1)
        source.allowed.release()

    screen, file = Screen(at), File()
    source.allowed.release()
    summary = run_live(Pipeline(source, detector, Tracker()), [screen], [file])
    assert [index for index, _ in screen.shown] == list(range(50))
    assert detector.asked[:2] == [0, 19]  # then the newest one
    assert file.numbers == detector.asked
    assert screen.threads == {threading.main_thread()}
    assert (summary.shown, summary.frames, summary.complete) == (50, len(detector.asked), True)
    assert summary.to_screen is not None
    assert summary.to_track is not None
    assert (screen.ended, screen.closed, file.closed, source.closed.is_set()) == (True, 1, 1, True)


def test_shown_boxes_are_predicted_to_the_time_of_their_frame() -> None:
    source, detector = Scripted(60), Walker(free=True)
    until_looked = 30

    def at(index: int) -> None:
        if index < until_looked:
            until(lambda: index in detector.asked)
        elif index == until_looked:
            detector.allowed = threading.Semaphore(0)
            until(lambda: index in detector.asked)
        if index == 45:
            detector.allowed.release(1_000_000)
        source.allowed.release()

    screen = Screen(at)
    source.allowed.release()
    run_live(Pipeline(source, detector, Tracker()), [screen])
    for index, tracks in screen.shown[35:44]:  # nothing newer than frame 29 is known
        assert tracks.state.tolist() == [State.PREDICTED]
        assert tracks.xyxy[0, 0] == pytest.approx(where(index), abs=4)
        assert abs(tracks.xyxy[0, 0] - where(29)) > 8 or index < 36
    assert [round(30 * time) for time, _ in screen.looks] == detector.asked[: len(screen.looks)]


def test_slow_window_leaves_out_the_oldest_frames() -> None:
    source, detector = Scripted(40), Walker(free=True)
    screen = Screen()

    def at(index: int) -> None:
        if len(screen.shown) == 1:  # while the first frame is drawn, 20 others come
            for _ in range(20):
                source.allowed.release()
            until(lambda: source.given > index + 20)
        else:
            source.allowed.release()

    screen.at = at
    source.allowed.release()
    run_live(Pipeline(source, detector, Tracker()), [screen])
    numbers = [index for index, _ in screen.shown]
    assert numbers[0] == 0
    assert numbers[1] >= 19
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 39


def predicted(source: Scripted, detector: Walker, at: Callable[[int], None], file: File) -> Summary:
    source.allowed.release()
    return run_live(Pipeline(source, detector, Tracker()), [Screen(at)], [file], boxes="predicted")


def test_files_of_predicted_boxes_hold_every_frame_once_and_in_order() -> None:
    source, detector, file = Scripted(90), Walker(), File()

    def at(index: int) -> None:
        if index % 6 == 5:
            detector.allowed.release()
            until(lambda: len(detector.asked) > index // 6)
        source.allowed.release()
        if index == 89:
            detector.allowed.release(1_000_000)

    summary = predicted(source, detector, at, file)
    assert file.numbers == list(range(90))
    assert summary.frames == 90
    looked = set(detector.asked)
    for index, tracks in file.rows[20:80]:
        expected = State.ACTIVE if index in looked else State.PREDICTED
        assert tracks.state.tolist() == [expected], index
        assert tracks.xyxy[0, 0] == pytest.approx(where(index), abs=6)


def test_predicted_files_do_not_wait_for_a_detector_that_hangs() -> None:
    frames = MOST_FRAMES + 60
    source, detector, file = Scripted(frames), Walker(), File()

    def at(index: int) -> None:
        source.allowed.release()
        if index == frames - 1:
            until(lambda: len(file.rows) >= 59)  # more than what waits was written without any look
            detector.allowed.release(1_000_000)

    predicted(source, detector, at, file)
    assert file.numbers == list(range(frames))


def test_error_of_the_detector_comes_after_the_frames_before_it() -> None:
    source, detector, file = Scripted(1000), Walker(free=True), File()
    detector.fail_at = 12

    def at(index: int) -> None:
        until(lambda: index in detector.asked or source.closed.is_set())
        source.allowed.release()

    screen = Screen(at)
    source.allowed.release()
    before = threading.active_count()
    with pytest.raises(DataError, match="the detector fails"):
        run_live(Pipeline(source, detector, Tracker()), [screen], [file])
    assert file.numbers == list(range(12))
    assert (screen.closed, file.closed, screen.ended) == (1, 1, False)
    until(lambda: threading.active_count() <= before)


@pytest.mark.parametrize("boxes", ["seen", "predicted"])
def test_lost_source_is_an_error_after_all_frames_were_written(boxes: str) -> None:
    source, detector, file = Scripted(20, SourceError("camera 0 was unplugged")), Walker(free=True), File()

    def at(index: int) -> None:
        until(lambda: index in detector.asked)
        source.allowed.release()

    source.allowed.release()
    with pytest.raises(SourceError, match="unplugged"):
        run_live(Pipeline(source, detector, Tracker()), [Screen(at)], [file], boxes=boxes)  # type: ignore[arg-type]
    assert file.numbers == list(range(20))


@pytest.mark.parametrize("boxes", ["seen", "predicted"])
def test_quitting_keeps_what_was_written(boxes: str) -> None:
    source, detector, file = Scripted(1000), Walker(free=True), File()

    def at(index: int) -> None:
        until(lambda: index in detector.asked)
        if index == 15:
            raise Stop
        source.allowed.release()

    screen = Screen(at)
    source.allowed.release()
    pipeline = Pipeline(source, detector, Tracker())
    summary = run_live(pipeline, [screen], [file], boxes=boxes)  # type: ignore[arg-type]
    assert not summary.complete
    assert file.numbers == list(range(len(file.numbers)))
    assert 10 <= len(file.numbers) <= 16
    assert (screen.closed, file.closed, screen.ended) == (1, 1, False)


def test_stop_from_another_thread_ends_a_silent_source() -> None:
    source, detector, stop = Scripted(1000), Walker(free=True), threading.Event()
    screen = Screen()
    source.allowed.release(3)

    def end() -> None:
        until(lambda: screen.idled > 1)
        stop.set()
        source.close()

    ender = threading.Thread(target=end)
    ender.start()
    summary = run_live(Pipeline(source, detector, Tracker()), [screen], stop=stop)
    ender.join()
    assert not summary.complete
    assert 1 <= summary.shown <= 3


def test_tracker_that_cannot_predict_shows_its_last_boxes() -> None:
    updated: list[float] = []

    class Same:
        def update(self, detections: Detections, time: float, warp: object = None) -> Tracks:
            updated.append(time)
            n = np.ones(len(detections))
            return Tracks(n, detections.xyxy, detections.score, 0 * n, n, 0 * n, 0 * n)  # type: ignore[arg-type]

    source, detector = Scripted(10), Walker()

    def at(index: int) -> None:
        if index == 0:
            detector.allowed.release()
            until(lambda: len(detector.asked) > 0)
        if index == 5:  # the result of the first look is there before the last three frames are shown
            until(lambda: len(updated) > 0)
        source.allowed.release()
        if index == 9:
            detector.allowed.release(1000)

    screen = Screen(at)
    source.allowed.release()
    run_live(Pipeline(source, detector, Same()), [screen])
    assert [len(tracks) for _, tracks in screen.shown[-3:]] == [1, 1, 1]
    assert screen.shown[-1][1].xyxy[0, 0] in {where(k) for k in detector.asked}


def test_slot_keeps_the_newest_frame_only() -> None:
    slot = NewestFrame(SourceInfo("camera 0", 2, 2, live=True))
    frames = [Frame(np.zeros((2, 2, 3), np.uint8), k, k / 10) for k in range(4)]
    for frame in frames:
        slot.put(frame)
    slot.end()
    assert [frame.index for frame in slot] == [3]
    assert slot.may_be_looked_at(3)
    assert not slot.may_be_looked_at(2)
    slot.done(3)
    assert not slot.may_be_looked_at(3)
    assert slot.ended


def test_waiting_frames_are_given_when_no_result_will_come() -> None:
    slot = NewestFrame(SourceInfo("camera 0", 2, 2, live=True))
    waiting = Unhurried(slot)
    for k in range(5):
        frame = Frame(np.zeros((2, 2, 3), np.uint8), k, k / 10)
        slot.put(frame)
        waiting.put(frame)
    waiting.close()
    assert [context.frame.index for context in waiting] == [0, 1, 2, 3, 4]


def test_camera_that_is_plugged_in_again_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    camera = FakeCamera(plugs=(30, None))
    source = CameraSource(0, SourceConfig(stall=1.0, reconnect=20.0, end=2.0), camera)
    detector, screen, file = Walker(free=True), Screen(), File()
    summary = run_live(Pipeline(source, detector, Tracker()), [screen], [file], boxes="predicted")
    assert source.reconnects == 1
    assert camera.opened == 2
    assert summary.complete
    numbers = [index for index, _ in screen.shown]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > 30  # numbers and times go on after the outage
    assert set(numbers) <= set(file.numbers)
    assert file.numbers == sorted(set(file.numbers))
