"""Fewer looks frame by frame: what the detector is asked, and what is said of the frames between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.errors import ConfigError
from tests.support.scripted_camera import Scripted, Walker
from tracker.engine import Tracker
from tracker.pipeline.build import build_pipeline
from tracker.pipeline.live import run_live
from tracker.pipeline.looking import CameraChain
from tracker.pipeline.loop import Pipeline
from tracker.protocols import SourceInfo
from tracker.schedule.config import LooksConfig
from tracker.schedule.online import DRIFT, OnlineSchedule, Outlook
from tracker.types import Detections, Frame, State, Tracks

Images = list[tuple[np.ndarray, float]]


class Log:
    """A sink that keeps all."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, float]] = []
        self.tracks: list[Tracks] = []

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        pass

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self.frames.append((frame.index, frame.time))
        self.tracks.append(tracks.confirmed)

    def close(self) -> None:
        pass


def black(frames: int = 90) -> Images:
    return [(np.zeros((120, 640, 3), np.uint8), k / 30) for k in range(frames)]


class Walking:
    """A detector of somebody who walks 3 pixels a frame; it notes the frames that it is asked."""

    names = ("person",)

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, frame: Frame) -> Detections:
        self.asked.append(frame.index)
        x = 20 + 3.0 * frame.index
        return Detections.of([[x, 20, x + 30, 90, 0.9, 0]], self.names)


@pytest.mark.parametrize("looks", [0.2, "6/s"])
def test_frames_between_looks_have_predicted_boxes_that_move_on(looks: float | str) -> None:
    detector = Walking()
    off, states, seen = [], [], 0
    for frame, tracks in build_pipeline(detector, source=black(), looks=looks):
        if frame.index < 30:
            continue
        shown = tracks.confirmed
        assert len(shown) == 1
        off.append(abs(shown.xyxy[0, 0] - (20 + 3.0 * frame.index)))
        states.append(int(shown.state[0]))
        seen += states[-1] == State.ACTIVE
    assert abs(len(detector.asked) - 18) <= 5
    assert set(states) == {State.ACTIVE, State.PREDICTED}
    assert seen == sum(k >= 30 for k in detector.asked)
    assert np.median(off) < 2
    assert max(off) < 12


def test_looks_at_all_frames_are_the_usual_pipeline() -> None:
    few, usual = (
        [tracks.xyxy.tolist() for _, tracks in build_pipeline(Walking(), source=black(20), looks=looks)]
        for looks in ("1", "all")
    )
    assert few == usual


def test_auto_looks_rarely_where_nothing_happens_and_in_time_for_newcomers() -> None:
    detector = Walking()
    for _ in build_pipeline(detector, source=black(120), looks="auto", newcomer=0.4):
        pass
    gaps = np.diff(detector.asked)
    assert gaps.max() <= 12
    assert len(detector.asked) < 60


def panned(frame: int) -> int:
    """How far the camera has turned: it holds still, and begins to turn by 7 pixels a frame."""
    return 7 * max(0, frame - 25)


def textured(frames: int) -> Images:
    """A still scene, and a camera that turns."""
    noise = np.random.default_rng(0).integers(0, 255, (30, 320), np.uint8)
    scene = cv2.resize(noise, (1280, 120), interpolation=cv2.INTER_CUBIC)
    return [(cv2.merge([scene[:, panned(k) : panned(k) + 400]] * 3), k / 30) for k in range(frames)]


class Standing(Walking):
    """Somebody who stands."""

    def __call__(self, frame: Frame) -> Detections:
        self.asked.append(frame.index)
        x = 300.0 - panned(frame.index)
        return Detections.of([[x, 20, x + 30, 90, 0.9, 0]], self.names)


def test_predicted_boxes_follow_a_moving_camera() -> None:
    errors = {}
    for motion in ("none", "flow"):
        off = []
        settings = {"looks": "5/s", "camera_motion": motion}
        for frame, tracks in build_pipeline(Standing(), source=textured(50), **settings):
            if 26 <= frame.index < 36:
                off.append(abs(float(tracks.xyxy[0, 0]) - (300.0 - panned(frame.index))))
        errors[motion] = max(off)
    assert errors["flow"] < 2
    assert errors["none"] > 6


def test_predicted_boxes_follow_by_themselves_a_camera_that_moves() -> None:
    errors = {}
    for motion in ("none", "auto"):
        off, settings = [], {} if motion == "auto" else {"camera_motion": motion}
        moving = [(image, k / 30) for k, (image, _) in enumerate(textured(70)[25:])]
        somebody = Standing()
        for frame, tracks in build_pipeline(
            lambda frame, somebody=somebody: somebody(Frame(frame.bgr, frame.index + 25, frame.time)),
            source=moving,
            looks="5/s",
            **settings,
        ):
            off.append(abs(float(tracks.xyxy[0, 0]) - (300.0 - panned(frame.index + 25))))
        errors[motion] = max(off[:12])
    assert errors["auto"] < 2
    assert errors["none"] > 6


def test_camera_motions_are_chained_in_order() -> None:
    chain, point = CameraChain(), np.array([10.0, 20, 1])
    zoom, pan = np.array([[2.0, 0, 0], [0, 2, 0]]), np.array([[1.0, 0, 5], [0, 1, -3]])
    chain.add(zoom)
    chain.add(None)
    chain.add(pan)
    assert chain.whole is not None
    assert (chain.whole @ point).tolist() == [25, 37]
    assert chain.take() is not None
    assert chain.take() is None


class Stuttering:
    """A live source that loses all but every sixth frame, as a detector of 5 a second does to a camera of 30."""

    def __init__(self, frames: int, lost: int = 6) -> None:
        self.info = SourceInfo("camera 0", 64, 48, live=True)
        self.frames, self.lost = frames, lost

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        for k in range(self.frames):
            yield Frame(np.zeros((48, 64, 3), np.uint8), index, index / 30)
            index += 1 if k < 10 else self.lost

    def close(self) -> None:
        pass


def test_a_budget_is_a_ceiling_where_the_detector_is_too_slow_for_it() -> None:
    detector = Walking()
    pipeline = Pipeline(Stuttering(80), detector, Tracker(), schedule=OnlineSchedule(LooksConfig("0.25")))
    summary = pipeline.run([log := Log()])
    late = [index for index, _ in log.frames if index > 200]
    assert set(late) <= set(detector.asked)  # looks at a sixth of the captured frames: all it can
    assert summary.looks == len(detector.asked)
    assert summary.frames == 80


def test_budget_that_was_not_used_is_not_made_up_for_later() -> None:
    schedule = OnlineSchedule(LooksConfig("0.2"))
    outlook = Outlook(np.array([[0.0, 0, 40, 100]]), np.array([0.1]))
    time = 0.0
    for _ in range(50):  # a detector that manages one frame of twenty
        schedule.due(time := time + 20 / 30, outlook, 20)
    looks = sum(schedule.due(time := time + 1 / 30, outlook) for _ in range(100))
    assert looks <= 20 + 2 * DRIFT + 1


def test_live_display_and_files_of_few_looks() -> None:
    source, detector, log, window = Scripted(60), Walker(free=True), Log(), Log()
    for _ in range(60):
        source.allowed.release()
    pipeline = Pipeline(source, detector, Tracker(), schedule=OnlineSchedule(LooksConfig("0.3")))
    summary = run_live(pipeline, [window], [log], boxes="predicted")
    assert [index for index, _ in log.frames] == list(range(60))
    assert summary.looks == len(detector.asked)
    assert len(detector.asked) < 60
    seen = [k for k, tracks in enumerate(log.tracks) if (tracks.state == State.ACTIVE).any()]
    assert set(seen) <= set(detector.asked)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"reid": True}, "reid needs every frame"),
        ({"detector": "background"}, "the detector background needs every frame"),
        ({"looks": 0}, "nothing can be tracked without looks"),
        ({"looks": 1.5}, "a frame is looked at once at most"),
    ],
)
def test_settings_that_contradict_are_one_sentence(settings: dict[str, object], said: str) -> None:
    detector = settings.pop("detector", Walking())
    with pytest.raises(ConfigError, match=said):
        build_pipeline(detector, source=black(2), **{"looks": 0.2, **settings})  # type: ignore[arg-type]


def test_a_tracker_that_expects_nothing_is_refused(tmp_path: Path) -> None:
    class Plain:
        def update(self, detections: Detections, time: float, warp: object = None) -> Tracks:
            return Tracks.empty()

    with pytest.raises(ConfigError, match="a tracker that says what it expects, and Plain does not"):
        Pipeline(black(2), Walking(), Plain(), schedule=OnlineSchedule(LooksConfig("0.2")))  # type: ignore[arg-type]
