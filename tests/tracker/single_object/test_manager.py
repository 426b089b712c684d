"""Pointed objects beside the engine: whole tracks with ids of their own, boxes that come at their times, no doubles."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from models.errors import ConfigError, DataError
from tests.support.pattern_images import SIZE, box_at, iou, scene
from tracker.classification.track_classes import ClassPooling
from tracker.engine import Tracker
from tracker.motion.kalman_mixture import KalmanMotion
from tracker.pipeline.loop import run
from tracker.protocols import FrameTracker, SourceInfo
from tracker.single_object.box_prompt import parse_box
from tracker.single_object.manager import SingleObjectManager, inside
from tracker.single_object.search_region import FrozenView
from tracker.single_object.tracker import Estimate, SingleObjectTracker
from tracker.types import Detections, Float64, Frame, State, Tracks, UInt8


class Told:
    """A follower that always answers the box it was begun with, moved by 2 pixels a second; lost from `until` on."""

    def __init__(self, bgr: UInt8, xyxy: Float64, time: float, until: float = np.inf) -> None:
        self.xyxy, self.time, self.until = xyxy, time, until

    def update(self, bgr: UInt8, time: float, warp: Float64 | None = None) -> Estimate:
        box = self.xyxy + 2 * (time - self.time)
        return Estimate(box, 0.8, found=time < self.until, time_since_update=max(time - self.until, 0.0))


def told(
    tracker: Tracker, *boxes: str, until: float = np.inf, names: tuple[str, ...] = ("person",)
) -> SingleObjectManager:
    def follow(bgr: UInt8, xyxy: Float64, time: float, live: bool = False) -> SingleObjectTracker:
        return Told(bgr, xyxy, time, until)  # type: ignore[return-value]

    return SingleObjectManager(tracker, [parse_box(b) for b in boxes], follow, names)


def frame(k: int) -> Frame:
    return Frame(np.zeros((100, 200, 3), np.uint8), k, k * 0.1)


def found(*boxes: list[float], label: int = 0) -> Detections:
    return Detections(boxes, [0.9] * len(boxes), [label] * len(boxes))  # type: ignore[arg-type]


def test_prompted_boxes_start_at_their_times_with_unique_ids() -> None:
    tracker = Tracker()
    pointer = told(tracker, "10,10,20,30@0.25", "100,10,20,30")
    assert isinstance(pointer, FrameTracker)
    ids = []
    for k in range(5):
        tracks = pointer.update(found([50, 50, 70, 90]), frame(k).time, frame=frame(k))
        ids.append(tracks.id.tolist())
    assert ids == [[2, 3], [2, 3], [2, 3], [2, 1, 3], [2, 1, 3]]  # the first frame from 0.25 s on is that at 0.3 s
    assert pointer.ids == (2, 1)
    assert pointer.waiting == ()
    assert pointer.names == ("person", "object")
    assert [pointer.names[i] for i in tracks.label] == ["object", "object", "person"]
    assert tracks.detection.tolist() == [-1, -1, 0]
    np.testing.assert_allclose(tracks.xyxy[1], [10.2, 10.2, 30.2, 40.2], rtol=1e-5)
    assert len(tracks.confirmed) == 3


def test_detection_over_a_prompted_object_adds_its_class_and_no_track() -> None:
    tracker = Tracker()
    pointer = told(tracker, "10,10,20,30", names=("car", "person"))
    over, beside = [11.0, 11.0, 31.0, 41.0], [150.0, 50.0, 170.0, 90.0]
    for k in range(4):
        tracks = pointer.update(found(beside, over, label=1), frame(k).time, frame=frame(k))
        assert len(tracks) == 2
        assert tracks.detection.tolist() == [1, 0]
        assert tracks.label.tolist() == [1, 1]
    later = pointer.update(found(beside, label=1), frame(4).time, frame=frame(4))
    assert later.label.tolist() == [1, 1]  # it is known by now
    assert later.detection.tolist() == [-1, 0]


def test_single_wrong_class_is_ignored_and_repeated_ones_change_the_label() -> None:
    tracker = Tracker()
    pointer = told(tracker, "10,10,20,30", "100,10,20,30", names=("car", "truck"))
    over = [11.0, 11.0, 31.0, 41.0]
    said, sure = [], []
    for k, label in enumerate([0] * 8 + [1] + [0] * 3 + [1] * 20):
        tracks = pointer.update(found(over, label=label), frame(k).time, frame=frame(k))
        said.append(int(tracks.label[0]))
        assert pointer.names[tracks.label[1]] == "object"  # no detection has named it
        if tracks.class_score is not None:
            sure.append(float(tracks.class_score[0]))
            assert np.isnan(tracks.class_score[1])
    assert said[:14] == [0] * 14
    assert said[-1] == 1
    assert len(sure) == 32
    assert sure[8] < sure[7]  # of the wrong name it was less sure
    assert min(sure[7], sure[-1]) > 0.7


def test_lost_prompted_object_claims_no_detection_and_is_marked_lost() -> None:
    tracker = Tracker()
    pointer = told(tracker, "10,10,20,30", until=0.15)
    for k in range(4):
        tracks = pointer.update(found([11, 11, 31, 41]), frame(k).time, frame=frame(k))
    assert tracks.state.tolist() == [State.LOST, State.ACTIVE]
    assert tracks.time_since_update[0] == pytest.approx(0.15)
    assert tracks.detection.tolist() == [-1, 0]
    assert tracks.confirmed.id.tolist() == [2]


def test_boxes_drawn_in_a_window_start_at_the_time_of_their_frame() -> None:
    tracker = Tracker()
    pointer = told(tracker)
    shown = frame(3)
    pointer.update(Detections.empty(), frame(5).time, frame=frame(5))
    pointer.point(shown, np.array([10.0, 10, 30, 40]))  # the stages are ahead of what is shown
    tracks = pointer.update(Detections.empty(), frame(6).time, frame=frame(6))
    np.testing.assert_allclose(tracks.xyxy[0], np.array([10.0, 10, 30, 40]) + 0.6, rtol=1e-5)
    pointer.drop(1)
    assert len(pointer.update(Detections.empty(), frame(7).time, frame=frame(7))) == 0
    with pytest.raises(DataError, match="lies outside the picture of 200x100"):
        pointer.point(shown, np.array([200.0, 10, 230, 40]))


@pytest.mark.parametrize("box", [[-50, 0, 0, 20], [0, 100, 20, 120], [198.5, 0, 230, 50]])
def test_box_outside_the_image_is_one_sentence(box: list[float]) -> None:
    with pytest.raises(DataError, match=r"lies outside the picture of 200x100 pixels; give one inside it\.$"):
        inside(np.array(box, np.float64), (200, 100))
    tracker, text = Tracker(), f"{box[0]},{box[1]},{box[2] - box[0]},{box[3] - box[1]}"
    with pytest.raises(DataError, match="lies outside"):
        told(tracker, text).update(Detections.empty(), 0.0, frame=frame(0))


def test_box_half_outside_is_clipped() -> None:
    np.testing.assert_array_equal(inside(np.array([-10.0, 90, 20, 130]), (200, 100)), [0, 90, 20, 100])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2,3", "is not x,y,width,height@seconds"),
        ("a,b,c,d", "is not x,y,width,height@seconds"),
        ("1,2,3,4@soon", "is not x,y,width,height@seconds"),
        ("1,2,0,4", "has no area"),
        ("1,2,3,-4", "has no area"),
        ("1,2,3,4@-1", "a time of 0 or more"),
        ("1,2,nan,4", "needs finite numbers"),
        ("1,2,3,4@1:", "a name of 1 to 80"),
        ("1,2,3,4:a\x1b[31mb", "printable"),
        ("1,2,3,4:" + "x" * 81, "a name of 1 to 80"),
    ],
)
def test_invalid_box_is_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_box(text)


def test_box_text_round_trips() -> None:
    box = parse_box("10.5,20,30,40@1.25")
    assert parse_box(str(box)) == box
    assert box.xyxy == (10.5, 20, 40.5, 60)
    assert parse_box("1,2,3,4").time == 0
    assert parse_box("1,2,3,4@:van") == parse_box("1,2,3,4:van")
    assert parse_box("1,2,3,4@1:02:03.5:van: red").time == 3723.5
    named = parse_box("1,2,3,4@2.5:van: red")
    assert (named.time, named.name) == (2.5, "van: red")
    assert parse_box(str(named)) == named


def test_name_given_with_a_box_overrides_the_detector_class() -> None:
    tracker = Tracker(classes=ClassPooling(2))
    pointer = told(tracker, "10,10,20,30:van", "100,10,20,30:dog", "60,10,20,30", names=("dog", "cat"))
    assert pointer.names == ("dog", "cat", "object", "van")
    for k in range(4):
        boxes = [[10 + left, 10, 30 + left, 40] for left in (0, 90, 50)]
        tracks = pointer.update(found(*boxes, label=1), frame(k).time, frame=frame(k))
    assert [pointer.names[label] for label in tracks.label] == ["van", "dog", "cat"]
    assert np.isnan(tracks.class_scores()[:2]).all()


class Clip:
    """The moving object as a source, five frames a second."""

    info = SourceInfo("clip", *SIZE, frames=8)

    def __iter__(self) -> Iterator[Frame]:
        for k in range(8):
            yield Frame(scene(box_at(60 + 12 * k, 120), box_at(250, 60)), k, k * 0.2)

    def close(self) -> None:
        """Nothing is open."""


class Finds:
    """A detector that finds both objects, the first at twice its size."""

    names = ("thing",)

    def __call__(self, frame: Frame) -> Detections:
        boxes = np.array([box_at(60 + 12 * frame.index, 120), box_at(250, 60)])
        return Detections(boxes, [0.9, 0.9], [0, 0])  # type: ignore[arg-type]


class Keeps:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.tracks: list[Tracks] = []
        self.threads: set[int] = set()

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        self.names = names

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self.tracks.append(tracks)
        self.threads.add(threading.get_ident())

    def close(self) -> None:
        """Nothing is open."""


def test_pipeline_tracks_prompted_boxes_beside_a_detector(view: FrozenView) -> None:
    tracker, sink, motion = Tracker(), Keeps(), KalmanMotion()
    pointer = SingleObjectManager(tracker, [parse_box("42,96,36,48")], partial(SingleObjectTracker, view, motion))
    summary = run(Clip(), Finds(), pointer, [sink])
    assert summary.frames == 8
    assert summary.tracks == 2
    assert sink.names == ("thing", "object")
    for k, tracks in enumerate(sink.tracks):
        assert tracks.confirmed.id.tolist() == [1, 2]
        assert iou(tracks.xyxy[0].astype(np.float64), box_at(60 + 12 * k, 120)) > 0.7
        assert tracks.label.tolist() == [0, 0]


@pytest.mark.parametrize("live", [False, True])
def test_objects_of_a_live_source_do_not_hold_frames_up(view: FrozenView, live: bool) -> None:
    told: list[bool] = []

    def make(bgr: UInt8, xyxy: Float64, time: float, live: bool = False) -> SingleObjectTracker:
        told.append(live)
        return SingleObjectTracker(view, KalmanMotion(), bgr, xyxy, time, live)

    pointer = SingleObjectManager(Tracker(), [parse_box("42,96,36,48")], make)
    pointer.open(SourceInfo("camera", *SIZE, live=live), ())
    pointer.update(Detections.empty(), 0.0, frame=Frame(scene(box_at(60, 120)), 0, 0.0))
    assert told == [live]
