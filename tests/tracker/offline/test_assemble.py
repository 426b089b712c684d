"""Final rows from a partition: smoothed, filled, with spread; and which absences are never filled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.errors import DataError
from tracker.offline.assemble import assemble
from tracker.offline.config import OfflineConfig
from tracker.offline.types import Decisions, VideoDetections, WholeTracks
from tracker.types import Detections, Float64, Int64

RAW = OfflineConfig(smooth=False, fill="none")
SHORT = OfflineConfig(fill="short")


def decisions() -> Decisions:
    none = np.zeros(0, np.int64)
    return Decisions(none, none, none, np.zeros(0), none)


def recording(frames: dict[int, list[list[float]]], many: int, rate: float = 25.0) -> VideoDetections:
    """Boxes by frame, of a score of 0.9."""
    pairs = []
    for k in range(many):
        boxes = np.array(frames.get(k, []), np.float32).reshape(-1, 4)
        score = np.full(len(boxes), 0.9, np.float32)
        pairs.append((k / rate, Detections(boxes, score, np.zeros(len(boxes), np.int64))))
    return VideoDetections.of(pairs, size=(640, 480))


def walker(k: int, x: float = 100.0) -> list[float]:
    return [x + 2 * k, 100.0, x + 40 + 2 * k, 200.0]


def whole(video: VideoDetections, track: Int64, offline: OfflineConfig) -> WholeTracks:
    return assemble(video, track, np.linspace(0.9, 1, len(video)).astype(np.float32), decisions(), offline)


def centre(xyxy: Float64) -> Float64:
    return 0.5 * (xyxy[:, :2] + xyxy[:, 2:])


def test_without_smoothing_and_filling_the_detections_remain_as_they_are() -> None:
    video = recording({k: [walker(k), walker(k, 300.0)] for k in range(9)}, 9)
    track = np.tile([7, 2], 9)
    track[4] = -1
    got = whole(video, track, RAW)
    order = np.lexsort((track, video.frame))
    rows = order[track[order] >= 0]
    np.testing.assert_array_equal(got.detection, rows)
    np.testing.assert_array_equal(got.xyxy, video.xyxy[rows])
    np.testing.assert_array_equal(got.id, np.where(track[rows] == 2, 1, 2))
    np.testing.assert_array_equal(got.std, 0)


def test_missed_frames_are_filled_where_the_object_was_going() -> None:
    missed = (12, 13)
    video = recording({k: [walker(k)] for k in range(30) if k not in missed}, 30)
    got = whole(video, np.zeros(len(video), np.int64), SHORT)
    np.testing.assert_array_equal(got.frame, np.arange(30))
    filled = got.detection < 0
    np.testing.assert_array_equal(np.flatnonzero(filled), missed)
    np.testing.assert_allclose(got.xyxy[filled], [walker(k) for k in missed], atol=0.5)
    assert (got.std[filled, 0] > got.std[[10, 15], 0].max()).all()
    after = int(np.flatnonzero(video.frame == 14)[0])
    np.testing.assert_allclose(got.link[filled], np.linspace(0.9, 1, len(video))[after], rtol=1e-6)
    assert ((got.score[filled] > 0) & (got.score[filled] <= 1)).all()


def test_no_absence_is_filled_beyond_its_limit() -> None:
    video = recording({k: [walker(k)] for k in range(120) if not 20 <= k < 105}, 120)
    for fill in ("none", "short", "hidden"):
        assert (whole(video, np.zeros(len(video), np.int64), OfflineConfig(fill=fill)).detection >= 0).all()  # type: ignore[arg-type]


def test_max_absence_bounds_what_is_filled() -> None:
    video = recording({k: [walker(k)] for k in range(30) if k not in (12, 13)}, 30)
    got = whole(video, np.zeros(len(video), np.int64), replace(SHORT, max_absence=0.11))
    assert (got.detection >= 0).all()


@pytest.mark.parametrize("left", [-28.0, 0.0, 600.0])
def test_absence_at_the_border_is_not_filled(left: float) -> None:
    boxes = {k: [[left, 100, left + 40, 200]] for k in range(20) if k not in (8, 9)}
    video = recording(boxes, 20)
    assert (whole(video, np.zeros(len(video), np.int64), SHORT).detection >= 0).all()
    unknown = replace(video, size=(0, 0))
    assert (whole(unknown, np.zeros(len(video), np.int64), SHORT).detection < 0).sum() == 2


def test_object_hidden_behind_a_nearer_one_is_filled_only_if_hidden_objects_are() -> None:
    front = [120.0, 90.0, 200.0, 260.0]
    frames = {k: [front, walker(k)] for k in range(50) if not 14 <= k < 30} | {k: [front] for k in range(14, 30)}
    video = recording(frames, 50)
    track = (video.xyxy[:, 3] < 250).astype(np.int64)
    hidden = whole(video, track, OfflineConfig(fill="hidden"))
    np.testing.assert_array_equal(hidden.frame[hidden.detection < 0], np.arange(14, 30))
    assert (whole(video, track, SHORT).detection >= 0).all()


def test_smoothing_reduces_the_error_of_noisy_boxes_and_knows_its_own() -> None:
    rng = np.random.default_rng(0)
    true = np.array([walker(k) for k in range(300)])
    noisy = true + rng.normal(0, 2.0, true.shape)
    video = recording({k: [noisy[k].tolist()] for k in range(300)}, 300)
    got = whole(video, np.zeros(300, np.int64), SHORT)
    before, after = centre(noisy) - centre(true), centre(got.xyxy.astype(np.float64)) - centre(true)
    assert np.sqrt((after**2).mean()) < 0.75 * np.sqrt((before**2).mean())


def test_single_detections_and_empty_recordings_pass() -> None:
    video = recording({0: [[5.0, 5.0, 6.0, 6.0]], 1: [walker(1)]}, 2)
    got = whole(video, np.array([0, 1]), SHORT)
    assert np.isfinite(got.xyxy).all()
    assert len(got) == 2
    assert len(whole(recording({}, 3), np.zeros(0, np.int64), SHORT)) == 0


def test_two_detections_of_a_track_in_one_frame_are_an_error() -> None:
    video = recording({3: [walker(3), walker(3, 300.0)]}, 5)
    with pytest.raises(DataError, match="track 4 has two detections in frame 3"):
        whole(video, np.array([4, 4]), SHORT)


def test_doubtful_link_is_not_filled() -> None:
    video = recording({k: [walker(k)] for k in range(30) if k not in (12, 13)}, 30)
    link = np.where(video.frame == 14, 0.4, 1.0).astype(np.float32)
    got = assemble(video, np.zeros(len(video), np.int64), link, decisions(), SHORT)
    assert (got.detection >= 0).all()
