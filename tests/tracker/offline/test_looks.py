"""Looks chosen from coarse to fine, and tracks of recordings that were looked at in some frames only."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from tracker.config import TrackerConfig
from tracker.offline.config import OfflineConfig
from tracker.offline.looked import at_looks, track_looked
from tracker.offline.looks import (
    Follower,
    LookChooser,
    choose_looks,
    choose_online,
    disputed_links,
    track_backwards,
)
from tracker.offline.online import track_online
from tracker.offline.track import track_whole
from tracker.offline.types import VideoDetections
from tracker.schedule.config import LooksConfig
from tracker.types import Detections

RATE = 20.0


def meeting(frames: int = 120, warped: bool = False) -> VideoDetections:
    """Two people who walk apart, and meet and turn round in the middle third."""
    found = []
    for k in range(frames):
        near = abs(k - frames / 2) < frames / 6
        x = 300 + (4 * abs(k - frames / 2) if not near else 30 + 25 * np.sin(k))
        boxes = [[200, 100, 240, 200], [x, 100, x + 40, 200]]
        found.append((k / RATE, Detections(np.array(boxes), np.array([0.9, 0.9]), np.zeros(2, np.int64))))
    warps = np.tile(np.array([[1.0, 0, 1], [0, 1, 0]]), (frames, 1, 1)) if warped else None
    return VideoDetections.of(found, (1280, 720), warps)


@pytest.mark.parametrize("looks", ["0.1", "0.2", "0.35", "4/s"])
def test_a_budget_is_kept_to_the_frame(looks: str) -> None:
    chosen = choose_looks(meeting(), LooksConfig(looks))
    assert chosen.sum() == {"0.1": 12, "0.2": 24, "0.35": 42, "4/s": 24}[looks]
    assert chosen[0]


def test_looks_gather_where_objects_do_not_move_as_predicted() -> None:
    chosen = choose_looks(meeting(), LooksConfig("0.3"))
    assert chosen[40:80].mean() > 1.3 * chosen.mean()


def test_auto_looks_often_where_it_must_and_no_later_than_a_newcomer_may_wait() -> None:
    chosen = choose_looks(meeting(), LooksConfig("auto", newcomer=0.5))
    assert np.diff(chosen.nonzero()[0]).max() <= 0.5 * RATE
    assert chosen[40:80].mean() > 2 * chosen[85:].mean()


def test_all_means_every_frame() -> None:
    assert choose_looks(meeting(), LooksConfig()).all()


def test_a_detector_is_asked_once_a_look_and_for_no_other_frame() -> None:
    video, asked = meeting(), list[int]()

    def detect(k: int) -> Detections:
        asked.append(k)
        return video.at(k)

    chosen = LookChooser(LooksConfig("0.2"), size=video.size).choose(video.times, None, detect)
    assert sorted(asked) == chosen.nonzero()[0].tolist()


@pytest.mark.parametrize("block", [1, 7, 33])
def test_blocks_keep_the_budget_together(block: int) -> None:
    video = meeting(warped=True)
    chooser = LookChooser(LooksConfig("0.2"), size=video.size)
    chosen = []
    for k in range(0, 120, block):
        here = slice(k, k + block)
        assert video.warps is not None
        chosen.append(chooser.choose(video.times[here], video.warps[here], partial(_at, video, k)))
        assert chooser.looks <= max(1, round(0.2 * chooser.frames)) + 1
    assert sum(part.sum() for part in chosen) == chooser.looks
    assert abs(chooser.looks - 24) <= 1
    assert len(np.concatenate(chosen)) == chooser.frames == 120


def _at(video: VideoDetections, first: int, number: int) -> Detections:
    return video.at(first + number)


def test_the_choice_is_the_same_every_time() -> None:
    assert (choose_looks(meeting(), LooksConfig("0.2")) == choose_looks(meeting(), LooksConfig("0.2"))).all()


def test_empty_recordings_have_no_looks() -> None:
    video = VideoDetections.of([])
    assert len(choose_looks(video, LooksConfig("0.2"))) == 0
    nothing = VideoDetections.of([(k / RATE, Detections.empty()) for k in range(50)])
    assert choose_looks(nothing, LooksConfig("0.2")).sum() == 10


def test_every_track_has_boxes_in_every_frame_between_its_looks() -> None:
    video = meeting()
    looked = choose_looks(video, LooksConfig("0.2"))
    for whole in (True, False):
        tracks = track_looked(video, looked, whole=whole)
        for one in np.unique(tracks.id).tolist():
            frames = tracks.frame[tracks.id == one]
            assert (np.diff(frames) == 1).all()
        seen = tracks.detection >= 0
        assert (looked[tracks.frame] == seen).all()  # nobody was missed here
        assert (video.frame[tracks.detection[seen]] == tracks.frame[seen]).all()
        if not whole:
            assert (tracks.xyxy[seen] == video.xyxy[tracks.detection[seen]]).all()


def test_boxes_between_looks_lie_on_the_objects() -> None:
    video = meeting()
    looked = np.zeros(120, bool)
    looked[::5] = True
    tracks = track_looked(video, looked, whole=False)
    still = tracks.xyxy[tracks.id == 1]
    assert np.abs(still - [200, 100, 240, 200]).max() < 1


def test_without_a_fill_boxes_between_looks_stay_and_absences_do_not() -> None:
    video = meeting()
    rows = ~((video.frame >= 20) & (video.frame < 28) & (np.arange(len(video)) % 2 == 1))
    gone = VideoDetections(
        video.times, video.frame[rows], video.xyxy[rows], video.score[rows], video.label[rows], video.size
    )
    looked = np.zeros(120, bool)
    looked[::4] = True
    tracks = track_looked(gone, looked, offline=OfflineConfig(fill="none"), whole=False)
    there = np.bincount(tracks.frame, minlength=120)
    assert (there[17:28] == 1).all()  # missed in the looks at 20 and 24
    assert (there[:17] == 2).all()


def test_looking_everywhere_gives_the_tracks_of_the_whole_video() -> None:
    video = meeting(60)
    every = np.ones(60, bool)
    found, usual = track_looked(video, every), track_whole(video)
    for name in ("frame", "id", "xyxy", "score", "detection", "link", "std"):
        assert (getattr(found, name) == getattr(usual, name)).all()


def test_online_decisions_are_those_of_the_tracker_at_the_looks() -> None:
    video = meeting(warped=True)
    looked = np.zeros(120, bool)
    looked[::3] = True
    tracks = track_looked(video, looked, whole=False)
    online = track_online(at_looks(video, looked), TrackerConfig())
    seen = tracks.detection >= 0
    assert len(np.unique(tracks.id)) == len(np.unique(online.track))
    assert seen.sum() == (online.track >= 0).sum()


def test_camera_motion_between_looks_is_chained() -> None:
    video = meeting(warped=True)
    looked = np.zeros(120, bool)
    looked[::5] = True
    seen = at_looks(video, looked)
    assert seen.warps is not None
    assert np.allclose(seen.warps[1:, 0, 2], 5)


def test_frame_by_frame_looks_keep_the_budget_and_gather_too() -> None:
    chosen = choose_online(meeting(240, warped=True), LooksConfig("0.3"))
    assert abs(chosen.sum() - 72) <= 5
    assert chosen[80:160].mean() > chosen.mean()


def test_links_that_one_direction_makes_alone_are_disputed() -> None:
    here, there = np.array([5, 7, -1]), np.array([7, 5, 9])
    same = [here, there]
    assert disputed_links(same, [here + 10, there + 10]) == [0]  # ids are names
    assert disputed_links(same, [here, np.array([5, 7, 9])]) == [2]
    assert disputed_links(same, [here, np.array([-1, 5, 9])]) == [0.5]
    assert disputed_links([here], [here]) == []


def test_the_video_is_tracked_from_its_end_with_the_camera_turned_round() -> None:
    """A camera that turns by more than a body: its motion joins the looks in either direction."""
    boxes = [[[400.0 - 150 * k, 100, 440 - 150 * k, 200], [600 - 150 * k, 100, 640 - 150 * k, 200]] for k in range(4)]
    found = [Detections(np.array(xyxy), np.array([0.9, 0.9]), np.zeros(2, np.int64)) for xyxy in boxes]
    turn = np.array([[1.0, 0, -150], [0, 1, 0]])
    looks = [(k / 5, detections, turn if k else None) for k, detections in enumerate(found)]
    tracks = track_backwards(Follower(TrackerConfig()), looks)
    assert [track.tolist() for track in tracks] == [[1, 2]] * 4
