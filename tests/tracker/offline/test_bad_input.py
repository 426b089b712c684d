"""Offline tracking of what it should not get: one clear sentence, or the right result."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import DataError
from tracker.offline.config import OfflineConfig
from tracker.offline.constraints.session import LinkSession
from tracker.offline.decision.problem import LinkProblem
from tracker.offline.track import refine_tracks, track_whole
from tracker.offline.types import Constraint, VideoDetections
from tracker.types import Detections, Int64

PLAIN = OfflineConfig(smooth=False, fill="none")


def lanes(frames: int, objects: int = 2) -> VideoDetections:
    """Objects that stand beside each other, all in each frame."""
    left = 100.0 * np.arange(objects)
    boxes = np.stack([left, 0 * left, left + 40, 0 * left + 80], axis=1).astype(np.float32)
    found = Detections(boxes, np.full(objects, 0.9, np.float32), np.zeros(objects, np.int64))
    return VideoDetections.of([(0.04 * k, found) for k in range(frames)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"times": np.array([0, 0.1, 0.1])},
            r"the time 0.100000 s of frame 2 does not come after 0.100000 s; give rising",
        ),
        ({"times": np.array([0, np.nan, 0.2])}, "the time of frame 1 is nan; give seconds"),
        ({"times": np.array([0, 0.1])}, "a detection is in frame 2, but there are 2 frames; give the times of all"),
        ({"frame": np.array([0, 2, 1])}, "detection 2 is in frame 1, before frame 2 of the one before it; sort"),
        ({"frame": np.array([-1, 0, 1])}, "a detection is in frame -1, but there are 3 frames"),
        ({"score": np.zeros(2, np.float32)}, "score has 2 rows for 3 detections; give one for each"),
        ({"warps": np.zeros((2, 2, 3))}, "warps has 2 rows for 3 frames; give one for each"),
        ({"xyxy": np.array([[0, 0, 1, 1], [0, 0, np.nan, 1], [0, 0, 1, 1]])}, "xyxy of detection 1 in frame 1 is not"),
        ({"score": np.array([0.5, 0.5, np.inf])}, "score of detection 2 in frame 2 is not finite; give numbers"),
    ],
)
def test_impossible_detections_are_refused(change: dict[str, Int64], message: str) -> None:
    good = {
        "times": np.array([0, 0.1, 0.2]),
        "frame": np.arange(3),
        "xyxy": np.tile(np.array([0, 0, 10, 20], np.float32), (3, 1)),
        "score": np.ones(3, np.float32),
        "label": np.zeros(3, np.int64),
    }
    VideoDetections(**good)
    with pytest.raises(DataError, match=message):
        VideoDetections(**{**good, **change})


def test_tracks_of_another_video_are_refused() -> None:
    with pytest.raises(DataError, match="7 tracks are given for 6 detections; give one for each"):
        refine_tracks(lanes(3), np.zeros(7, np.int64), PLAIN)
    with pytest.raises(DataError, match="constraint 1 names detection 6, but there are 6; give rows from 0 to 5"):
        track_whole(lanes(3), offline=PLAIN, constraints=[Constraint(0, 6, same=True)])


def test_contradicting_constraints_are_named() -> None:
    said = [Constraint(0, 2, same=True), Constraint(2, 4, same=True), Constraint(0, 4, same=False)]
    with pytest.raises(DataError, match=r"constraint 3 says that .* are different objects, but constraints 1 and 2"):
        track_whole(lanes(3), offline=PLAIN, constraints=said)
    with pytest.raises(DataError, match="detections 0 and 1 are the same object, but both are in frame 0"):
        refine_tracks(lanes(3), np.zeros(6, np.int64) - 1, PLAIN, [Constraint(0, 1, same=True)])


def test_given_tracks_change_only_as_constraints_ask() -> None:
    video = lanes(4, objects=3)
    track = np.tile([5, 6, 7], 4)
    plain = refine_tracks(video, track, PLAIN)
    swapped = refine_tracks(video, track, PLAIN, [Constraint(0, 10, same=True)])  # lane 0 goes on in lane 1
    id_of = dict(zip(swapped.detection.tolist(), swapped.id.tolist(), strict=True))
    assert id_of[0] == id_of[10]
    assert id_of[1] == id_of[9]
    lane_2 = plain.detection % 3 == 2
    assert len({id_of[row] for row in plain.detection[lane_2].tolist()}) == 1
    assert sorted(set(id_of.values())) == [1, 2, 3]


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_nothing_detected_gives_no_tracks(frames: int) -> None:
    video = VideoDetections.of([(0.1 * k, Detections.empty()) for k in range(frames)])
    assert len(track_whole(video)) == 0
    assert len(refine_tracks(video, np.zeros(0, np.int64))) == 0


def test_one_frame_keeps_its_tracks() -> None:
    tracks = refine_tracks(lanes(1, objects=3), np.array([4, -1, 9]))
    assert tracks.id.tolist() == [1, 2]
    assert tracks.detection.tolist() == [0, 2]


def test_million_detections_are_linked_and_corrected() -> None:
    objects, length, pieces = 20, 50, 1000  # of each object
    lane = np.arange(objects * pieces) % objects
    first = (np.arange(objects * pieces) // objects) * length
    problem = LinkProblem(
        first,
        first + length - 1,
        np.arange(objects * (pieces - 1)),
        np.arange(objects, objects * pieces),
        np.full(objects * (pieces - 1), 2.0),
    )
    frame = np.repeat(np.arange(pieces * length), objects)
    piece = np.tile(np.arange(objects), pieces * length) + objects * (frame // length)
    times = np.arange(pieces * length) / 25
    session = LinkSession.of(times, frame, piece, np.ones(len(frame)), problem)
    assert len(session.track) == 1_000_000
    assert (session.track == lane[piece] + 1).all()
    parted = session.with_constraint(Constraint(0, len(frame) - objects, same=False))
    assert parted.change.ids.tolist() == [1, 21]
    assert (parted.track[1::objects] == 2).all()
