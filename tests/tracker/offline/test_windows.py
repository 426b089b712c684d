"""Rolling windows: every frame once, ids that go on, and the whole recording's result where the horizon is long."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ConfigError, DataError
from tracker.config import TrackerConfig
from tracker.offline.config import OfflineConfig
from tracker.offline.track import refine_tracks, track_whole
from tracker.offline.types import VideoDetections, WholeTracks
from tracker.offline.windows import FinishedFrames, TimedDetections, carried_ids, finished, track_windows
from tracker.types import Detections

KALMAN = TrackerConfig(motion="kalman")
COLUMNS = ("frame", "id", "xyxy", "score", "label", "detection", "link", "std")


def walkers(seconds: float, seed: int = 0, people: int = 6) -> list[TimedDetections]:
    """People who walk through one another at uneven times; a tenth of their detections is missing."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.04, 0.2, int(seconds / 0.12)))
    start, speed = rng.uniform(0, 900, (people, 2)), rng.uniform(-60, 60, (people, 2))
    frames: list[TimedDetections] = []
    for time in times.tolist():
        centre = (start + speed * time) % 900 + rng.normal(0, 1, (people, 2))
        half = np.array([15.0, 40])
        box = np.hstack([centre - half, centre + half])[rng.random(people) < 0.9].astype(np.float32)
        frames.append((time, Detections(box, np.full(len(box), 0.9, np.float32), np.zeros(len(box), np.int64)), None))
    return frames


def joined(pieces: list[FinishedFrames]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([getattr(piece.tracks, name) for piece in pieces]) for name in COLUMNS}


def assert_equal(got: dict[str, np.ndarray], want: WholeTracks) -> None:
    for name in COLUMNS:
        np.testing.assert_array_equal(got[name], getattr(want, name), err_msg=name)


def test_long_horizon_gives_the_result_of_the_whole_recording() -> None:
    frames = walkers(8)
    want = track_whole(VideoDetections.of((time, found) for time, found, _ in frames), KALMAN)
    pieces = list(track_windows(frames, KALMAN, horizon=60))
    assert len(pieces) == 1
    assert_equal(joined(pieces), want)
    assert_equal(joined([finished(VideoDetections.of((t, d) for t, d, _ in frames), want)]), want)


def test_windows_return_every_frame_once_and_soon() -> None:
    frames = walkers(20, people=3)
    seen = 0
    newest = 0.0

    def arriving() -> object:
        nonlocal newest
        for frame in frames:
            newest = frame[0]
            yield frame

    offline = OfflineConfig(max_absence=2)
    for piece in track_windows(arriving(), KALMAN, offline, horizon=1.5):  # type: ignore[arg-type]
        assert piece.first == seen
        assert piece.times.tolist() == [time for time, _, _ in frames[seen : seen + len(piece.times)]]
        assert newest - piece.times[0] < 3 + 0.3
        rows = piece.tracks.frame
        assert len(rows) == 0 or (rows.min() >= seen and rows.max() < seen + len(piece.times))
        seen += len(piece.times)
    assert seen == len(frames)


@given(st.integers(0, 10**6), st.floats(0.3, 4), st.floats(0.5, 5))
@settings(max_examples=4, deadline=None)
def test_ids_go_on_through_windows_that_number_tracks_in_any_order(seed: int, horizon: float, absence: float) -> None:
    frames = walkers(8, seed, people=4)
    rng = np.random.default_rng(seed)
    video = VideoDetections.of((time, found) for time, found, _ in frames)
    truth = np.concatenate([np.arange(len(found)) for _, found, _ in frames]) + 1  # any identity of each row
    key = {box.tobytes(): who for box, who in zip(video.xyxy, truth.tolist(), strict=True)}

    def track(window: VideoDetections) -> WholeTracks:
        who = np.array([key[box.tobytes()] for box in window.xyxy], np.int64)
        return refine_tracks(window, rng.permutation(5)[who], OfflineConfig(link=False, smooth=False, fill="none"))

    pieces = list(track_windows(frames, offline=OfflineConfig(max_absence=absence), horizon=horizon, track=track))
    got = joined(pieces)
    assert sorted(got["detection"].tolist()) == list(range(len(video)))
    ids, frame = got["id"][np.argsort(got["detection"])], video.frame
    assert len(set(zip(truth.tolist(), ids.tolist(), strict=True))) == len(set(ids.tolist()))  # one identity an id
    assert sorted(set(ids.tolist())) == list(range(1, ids.max() + 1))
    for who in set(truth.tolist()):
        rows = (truth == who).nonzero()[0]
        near = np.diff(video.times[frame[rows]]) <= absence
        assert (np.diff(ids[rows])[near] == 0).all()


def test_id_is_not_given_again_after_its_track_has_left_the_context() -> None:
    box = np.array([[10, 10, 40, 90]], np.float32)
    there = Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64))
    frames: list[TimedDetections] = []
    for k in range(200):
        frames.append((k / 10, there if k < 50 or k >= 150 else Detections.empty(), None))
    pieces = list(track_windows(frames, KALMAN, OfflineConfig(max_absence=1, fill="none"), horizon=0.5))
    got = joined(pieces)
    assert set(got["id"][got["frame"] < 50].tolist()) == {1}
    assert set(got["id"][got["frame"] >= 150].tolist()) == {2}


def test_memory_is_bounded_by_horizon_and_absence() -> None:
    sizes: list[int] = []

    def track(window: VideoDetections) -> WholeTracks:
        sizes.append(len(window.times))
        return refine_tracks(window, np.zeros(0, np.int64))

    still = Detections.empty()
    frames: list[TimedDetections] = [(k / 10, still, None) for k in range(600)]
    pieces = list(track_windows(frames, offline=OfflineConfig(max_absence=2), horizon=1, track=track))
    assert sum(len(piece.times) for piece in pieces) == 600
    assert max(sizes) <= 10 * (2 + 3 * 1) + 4


def test_carried_ids_prefer_the_latest_or_the_most_common_detections() -> None:
    video = VideoDetections.of([(k / 10, walkers(1, people=1)[0][1]) for k in range(10)])
    one = refine_tracks(video, np.ones(10, np.int64), OfflineConfig(smooth=False, fill="none"))
    one = replace(one, detection=np.arange(10), frame=np.arange(10), id=np.full(10, 7))
    given_ids = np.array([3, 3, 3, 3, 3, 3, 5, 5, 0, 0])
    assert carried_ids(one, given_ids) == {7: 5}
    assert carried_ids(one, given_ids, latest=False) == {7: 3}
    assert carried_ids(one, np.zeros(10, np.int64)) == {}


def test_horizon_and_times_are_checked() -> None:
    with pytest.raises(ConfigError, match="give seconds above 0"):
        list(track_windows([], horizon=0))
    frames = walkers(3)
    with pytest.raises(DataError, match="does not come after"):
        list(track_windows([*frames, (0.0, Detections.empty(), None)], KALMAN, horizon=60))
    assert list(track_windows([], horizon=1)) == []
