"""An object followed from known boxes in both directions of time, in images whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from models.errors import ConfigError, DataError, SourceError
from tests.support.pattern_images import SIZE, box_at, iou, scene
from tests.support.pattern_video import UNEVEN, PatternVideo, video, walking
from tracker.learned.liquid_motion import LiquidMotion
from tracker.offline.types import VideoDetections
from tracker.retrack.config import RetrackConfig
from tracker.retrack.job import Retrack
from tracker.retrack.types import FollowedRows, KeyBox, OtherBoxes
from tracker.single_object.manager import MakeTracker
from tracker.single_object.search_region import FrozenView
from tracker.single_object.tracker import SingleObjectTracker
from tracker.types import Detections, Float64, Frame, UInt8

LAST = len(UNEVEN) - 1


@pytest.fixture(scope="module")
def make(view: FrozenView) -> MakeTracker:
    motion = LiquidMotion()
    return partial(SingleObjectTracker, view, motion)


def followed(
    make: MakeTracker, film: PatternVideo, start: KeyBox, end: KeyBox | int, config: RetrackConfig | None = None,
    detections: VideoDetections | None = None, others: OtherBoxes | None = None,
) -> FollowedRows:  # fmt: skip
    job = Retrack(film, film.times, start, end, config, detections, others, make)
    for _ in job:
        pass
    return job.rows()


def key(frame: int, course: Callable[[float], Float64] = walking, times: Float64 = UNEVEN) -> KeyBox:
    return KeyBox(frame, course(float(times[frame])))


def quality(rows: FollowedRows, course: Callable[[float], Float64] = walking, times: Float64 = UNEVEN) -> Float64:
    """(R,) IoU of each row with the truth."""
    return np.array(
        [iou(box.astype(float), course(float(times[k]))) for k, box in zip(rows.frame, rows.xyxy, strict=True)]
    )


@pytest.mark.parametrize(("start", "end"), [(0, LAST), (LAST, 0)])
def test_one_box_is_followed_to_the_end_in_either_direction(make: MakeTracker, start: int, end: int) -> None:
    rows = followed(make, video(), key(start), end)
    assert rows.frame.tolist() == [k for k in range(LAST + 1) if k != start]
    assert rows.found.all()
    assert rows.lost is None
    assert quality(rows).min() > 0.65


def test_reversed_video_followed_forwards_equals_the_video_followed_backwards(make: MakeTracker) -> None:
    film = video()
    back = followed(make, film, key(LAST), 0)
    ahead = followed(make, film.reversed(), KeyBox(0, key(LAST).xyxy), LAST)
    assert (LAST - ahead.frame[::-1]).tolist() == back.frame.tolist()
    np.testing.assert_array_equal(ahead.xyxy[::-1], back.xyxy)
    np.testing.assert_array_equal(ahead.score[::-1], back.score)


def test_two_boxes_give_the_same_rows_from_either_side(make: MakeTracker) -> None:
    one = followed(make, video(), key(0), key(LAST))
    other = followed(make, video(), key(LAST), key(0))
    np.testing.assert_array_equal(one.frame, np.arange(1, LAST))
    np.testing.assert_array_equal(one.xyxy, other.xyxy)
    assert quality(one).min() > 0.9


def test_rows_between_two_boxes_run_into_both_of_them(make: MakeTracker) -> None:
    """A box that is drawn too large on one side is met by the rows beside it, not jumped to."""
    wide = key(LAST)
    wide = KeyBox(LAST, wide.xyxy + np.array([-4.0, 0, 4, 0]))
    rows = followed(make, video(), key(0), wide)
    width = np.concatenate([[36.0], rows.xyxy[:, 2] - rows.xyxy[:, 0], [44.0]])
    assert np.abs(np.diff(width)).max() < 4
    assert width[1] < 38.5
    assert width[-2] > 41.5


def test_curved_path_is_followed_where_a_straight_line_fails(make: MakeTracker) -> None:
    times = np.arange(0, 1.45, 0.08)

    def course(time: float) -> Float64:
        return box_at(80 + 100 * time, 120 + 60 * np.sin(2.2 * time * np.pi / 1.44))

    rows = followed(make, video(times, course), key(0, course, times), key(len(times) - 1, course, times))
    line = np.linspace(course(times[0]), course(times[-1]), len(times))[1:-1]
    straight = np.array([iou(box, course(float(t))) for box, t in zip(line, times[1:-1], strict=True)])
    assert quality(rows, course, times).mean() > straight.mean() + 0.2
    assert quality(rows, course, times).min() > 0.75


def test_hidden_stretch_is_filled_and_told_from_what_was_seen(make: MakeTracker) -> None:
    times = np.arange(0, 1.2, 0.06)
    hidden = (times > 0.4) & (times < 0.7)

    def draw(time: float) -> UInt8:
        return scene() if 0.4 < time < 0.7 else scene(walking(time))

    last = len(times) - 1
    film = PatternVideo(times, draw)
    for end in (key(last, times=times), last):
        rows = followed(make, film, key(0, times=times), end)
        inside = rows.frame < last
        assert (~rows.found)[inside].tolist() == hidden[1:last].tolist()
        assert quality(rows, times=times)[inside].min() > 0.5
        assert rows.std[~rows.found, 0].min() > rows.std[rows.found, 0][2]
        assert rows.lost is None


def test_object_that_leaves_the_image_is_given_up_at_the_frame_of_its_exit(make: MakeTracker) -> None:
    times = np.arange(0, 2.4, 0.12)

    def course(time: float) -> Float64:
        return box_at(230 + 110 * time, 120)

    config = RetrackConfig(max_lost=0.5)
    rows = followed(make, video(times, course), key(0, course, times), len(times) - 1, config)
    left = int(np.argmax([course(float(t))[0] >= SIZE[0] for t in times]))
    assert rows.lost is not None
    assert abs(rows.lost - left) <= 3
    assert rows.frame[-1] < rows.lost
    assert rows.found.all()


def test_cut_to_another_place_ends_the_rows(make: MakeTracker) -> None:
    times = np.arange(0, 2.0, 0.1)
    film = PatternVideo(times, lambda time: scene(walking(time)) if time < 0.75 else scene(seed=5))
    rows = followed(make, film, key(0, times=times), len(times) - 1, RetrackConfig(max_lost=0.4))
    assert rows.lost == 8
    assert rows.frame.tolist() == list(range(1, 8))


def test_absence_between_two_boxes_that_is_too_long_is_told_and_left_open(make: MakeTracker) -> None:
    times = np.arange(0, 2.0, 0.1)
    film = video(times, lambda time: None if 0.55 < time < 1.35 else walking(time))
    rows = followed(make, film, key(0, times=times), key(19, times=times), RetrackConfig(max_lost=0.4))
    assert rows.frame.tolist() == [*range(1, 6), *range(14, 19)]
    assert rows.lost == 6
    assert rows.found.all()


def test_neighbour_that_is_known_does_not_attract_the_box(make: MakeTracker) -> None:
    """Its twin crosses the object, which then is hidden: without the twin's boxes the twin would be followed."""
    times = np.arange(0, 1.6, 0.08)

    def twin(time: float) -> Float64:
        return box_at(130 + 60 * time, 100)

    film = PatternVideo(times, lambda time: scene(twin(time), *([box_at(120, 120)] if time < 0.3 else [])))
    config = RetrackConfig(max_lost=0.5)
    others = OtherBoxes(np.arange(len(times)), np.array([twin(float(t)) for t in times]))
    free = followed(make, film, KeyBox(0, box_at(120, 120)), len(times) - 1, config)
    aware = followed(make, film, KeyBox(0, box_at(120, 120)), len(times) - 1, config, None, others)
    assert iou(free.xyxy[-1].astype(float), twin(float(times[free.frame[-1]]))) > 0.5
    assert aware.lost is not None
    assert aware.lost <= 6
    assert len(aware) < 6


def test_detections_that_agree_steady_the_size(make: MakeTracker) -> None:
    truth = np.array([walking(float(t)) for t in UNEVEN])
    shift = np.random.default_rng(3).normal(0, 0.4, truth.shape)
    found = VideoDetections(
        UNEVEN, np.arange(LAST + 1), (truth + shift).astype(np.float32), np.full(LAST + 1, 0.97, np.float32),
        np.zeros(LAST + 1, np.int64), SIZE,
    )  # fmt: skip
    alone = followed(make, video(), key(0), LAST)
    helped = followed(make, video(), key(0), LAST, None, found)
    assert (helped.detection == helped.frame).all()
    assert (alone.detection == -1).all()
    assert quality(helped)[-3:].mean() > quality(alone)[-3:].mean() + 0.02
    ignored = followed(make, video(), key(0), LAST, RetrackConfig(detections=False), found)
    np.testing.assert_array_equal(ignored.xyxy, alone.xyxy)


def test_camera_that_jumps_is_taken_out_in_both_directions(make: MakeTracker) -> None:
    times = np.arange(0, 0.9, 0.1)
    jumps = np.array([0.0, 0, 90, 0, 0, -70, 0, 0, 100])
    offset = np.cumsum(jumps)

    def course(time: float) -> Float64:
        return box_at(100 + offset[round(time * 10)], 120)

    warps = np.tile(np.eye(2, 3), (len(times), 1, 1))
    warps[:, 0, 2] = jumps
    none = VideoDetections.of([(float(t), Detections.empty()) for t in times], SIZE, warps)
    film = video(times, course)
    for start, end in ((0, 8), (8, 0)):
        rows = followed(make, film, key(start, course, times), end, None, none)
        assert len(rows) == 8
        assert rows.found.all()
        assert quality(rows, course, times).min() > 0.6


def test_damaged_frame_is_passed_over_and_filled(make: MakeTracker) -> None:
    class Damaged(PatternVideo):
        def get(self, position: int, /) -> Frame:
            if position in (4, 5):
                raise SourceError(f"frame {position} is damaged.")
            return super().get(position)

    film = Damaged(UNEVEN, video().draw)
    for start, end in ((key(0), LAST), (key(LAST), 0), (key(0), key(LAST))):
        rows = followed(make, film, start, end)
        assert rows.frame[~rows.found].tolist() == [4, 5]
        assert len(rows) in (LAST, LAST - 1)
        assert quality(rows).min() > 0.6
    with pytest.raises(SourceError, match="frame 5 is damaged"):
        followed(make, film, key(5), LAST)


def test_stopped_job_keeps_what_it_has(make: MakeTracker) -> None:
    job = Retrack(video(), UNEVEN, key(0), key(LAST), make_tracker=make)
    assert len(job.rows()) == 0
    seen = []
    for progress in job:
        seen.append((progress.done, progress.total, progress.phase))
        rows = job.rows()
        if progress.done == 3:
            assert rows.frame.tolist() == [1, 2, 3]
            assert quality(rows).min() > 0.7
        if progress.done == LAST + 4:
            break
    assert seen[0] == (1, 2 * LAST, "forwards")
    assert seen[-1] == (LAST + 4, 2 * LAST, "backwards")
    rows = job.rows()
    assert rows.frame.tolist() == list(range(1, LAST))
    assert quality(rows).min() > 0.8


def test_video_of_one_frame_has_no_rows(make: MakeTracker) -> None:
    film = video([0.0])
    rows = followed(make, film, KeyBox(0, walking(0.0)), 0)
    assert len(rows) == 0
    assert rows.lost is None


def test_neighbouring_key_frames_leave_nothing_to_fill(make: MakeTracker) -> None:
    assert len(followed(make, video(), key(4), key(5))) == 0


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        (KeyBox(0, np.array([400.0, 10, 450, 60])), 5, "lies outside the picture of 320x240"),
        (KeyBox(0, walking(0.0)), LAST + 1, "frame 12 is not in the recording"),
        (KeyBox(0, walking(0.0)), -1, "frame -1 is not in the recording"),
        (KeyBox(3, walking(0.0)), KeyBox(3, walking(0.0)), "both boxes are in frame 3"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_a_sentence(
    make: MakeTracker, start: KeyBox, end: KeyBox | int, says: str
) -> None:
    with pytest.raises(DataError, match=says):
        followed(make, video(), start, end)


@pytest.mark.parametrize("box", [[10, 10, 10, 40], [10, 10, np.nan, 40], [30, 10, 20, 40], [1, 2, 3]])
def test_box_that_is_none_is_refused(box: list[float]) -> None:
    with pytest.raises(DataError, match="is no box"):
        KeyBox(0, np.array(box))


def test_frame_of_another_size_is_refused(make: MakeTracker) -> None:
    film = PatternVideo(UNEVEN, lambda time: scene(walking(time)) if time < 0.3 else scene(walking(time))[:200])
    with pytest.raises(DataError, match="frame 4 has 320x200 pixels"):
        followed(make, film, key(0), LAST)


def test_detections_of_another_recording_are_refused(make: MakeTracker) -> None:
    other = VideoDetections.of([(0.0, Detections.empty())], SIZE)
    with pytest.raises(DataError, match="detections are of 1 frames"):
        followed(make, video(), key(0), LAST, None, other)


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="max_lost"):
        replace(RetrackConfig(), max_lost=0.0)
