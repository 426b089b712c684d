"""The tracker in seconds: steady times are a fixed rate, the origin is free, unseen tracks make no step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError, DataError
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.kalman import Gaussian, Noise, correct, first, step
from tracker.motion import KalmanMotion, Look
from tracker.types import Detections, State, Tracks


def walkers(time: float, missing: Sequence[int] = ()) -> Detections:
    """Four boxes that walk at different speeds."""
    k = np.array([i for i in range(4) if i not in missing])
    left, top = 100 * k + (10 + 8 * k) * time, 50 + 60 * k
    boxes = np.stack([left, top, left + 30, top + 80.0], axis=1)
    return Detections(boxes, np.full(len(k), 0.9), np.zeros(len(k)))


def run(times: Sequence[float], origin: float = 0.0) -> list[Tracks]:
    tracker = Tracker()
    return [tracker.update(walkers(t), origin + t) for t in times]


def assert_same(a: list[Tracks], b: list[Tracks]) -> None:
    for x, y in zip(a, b, strict=True):
        for name in ("id", "xyxy", "score", "state", "unseen"):
            assert getattr(x, name).tobytes() == getattr(y, name).tobytes()


TIMES = [0.0, 0.04, 0.08, 0.2, 0.24, 0.9, 0.94, 1.5, 1.54]


@pytest.mark.parametrize("origin", [1e6, 123456.789, -50.0])
def test_times_far_from_zero_change_nothing(origin: float) -> None:
    assert_same(run(TIMES), run(TIMES, origin))


def test_true_times_of_a_steady_camera_are_the_fixed_rate() -> None:
    steady = [k / 25 for k in range(60)]
    drifting = [0.04 * k for k in range(60)]  # the same moments, other roundings
    assert_same(run(steady), run(drifting))


def test_ids_stay_and_every_walker_is_shown() -> None:
    for tracks in run(TIMES):
        assert tracks.shown.id.tolist() == [1, 2, 3, 4]
        assert tracks.shown.detection.tolist() == [0, 1, 2, 3]


def test_an_unseen_track_is_lost_then_found_then_dropped_in_seconds() -> None:
    tracker = Tracker(TrackerConfig(life=1.0))
    for t in (0.0, 0.1, 0.2):
        tracker.update(walkers(t), t)
    lost = tracker.update(walkers(0.5, missing=[2]), 0.5)
    assert lost.state[lost.id == 3].tolist() == [State.LOST]
    assert lost.unseen[lost.id == 3].tolist() == pytest.approx([0.3])
    assert tracker.update(walkers(0.6), 0.6).shown.id.tolist() == [1, 2, 3, 4]
    assert 3 not in tracker.update(walkers(1.7, missing=[2]), 1.7).id


def test_looking_without_seeing_changes_no_later_answer() -> None:
    """Frames in which an object is not detected must leave its state as if they had not been looked at."""
    often, seldom = Tracker(), Tracker()
    for t in (0.0, 0.1, 0.2):
        often.update(walkers(t), t)
        seldom.update(walkers(t), t)
    for t in (0.3, 0.41, 0.53):
        often.update(Detections.empty(), t)
    a, b = often.update(Detections.empty(), 0.7), seldom.update(Detections.empty(), 0.7)
    assert a.xyxy.tobytes() == b.xyxy.tobytes()


@pytest.mark.parametrize("times", [(1.0, 1.0), (1.0, 0.5), (0.0, float("nan"))])
def test_times_that_do_not_rise_are_refused(times: tuple[float, float]) -> None:
    tracker = Tracker()
    tracker.update(walkers(0.0), times[0])
    with pytest.raises(DataError, match="time"):
        tracker.update(walkers(0.0), times[1])


def test_a_moving_camera_is_taken_out() -> None:
    tracker, shift = Tracker(), np.array([[1.0, 0, 90], [0, 1, 0]])
    for k in range(6):
        found = walkers(k / 10)
        moved = Detections(found.xyxy + np.array([90 * k, 0, 90 * k, 0]), found.score, found.label)
        assert tracker.update(moved, k / 10, shift if k else None).shown.id.tolist() == [1, 2, 3, 4]


def test_unknown_names_and_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="kalman"):
        Tracker(TrackerConfig(motion="warp"))
    with pytest.raises(ConfigError, match="mahalanobis"):
        Tracker(TrackerConfig(cost="luck"))
    for wrong in ({"life": 0.0}, {"high_score": 2.0}, {"match_probability": 1.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            TrackerConfig(**wrong)


NOISE = Noise(np.array([0.6]), np.array([0.8]), np.array([0.3]), np.array([0.04]))


@given(st.floats(1e-4, 5), st.floats(1e-4, 5))
def test_two_steps_are_one_step_of_their_sum(a: float, b: float) -> None:
    start = correct(first(np.array([[3.0]]), np.array([[0.01]]), NOISE), np.array([[3.5]]), np.array([[0.02]]))
    start = start._replace(v=np.array([[1.5]]))
    twice = step(step(start, np.array([[a]]), NOISE), np.array([[b]]), NOISE)
    once = step(start, np.array([[a + b]]), NOISE)
    for x, y in zip(twice, once, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


def test_correct_is_the_textbook_kalman_update() -> None:
    state = Gaussian(*(np.array([[value]]) for value in (2.0, 0.5, 0.3, 0.1, 0.8)))
    p, h, r, z = np.array([[0.3, 0.1], [0.1, 0.8]]), np.array([[1.0, 0.0]]), np.array([[0.05]]), 2.4
    gain = p @ h.T @ np.linalg.inv(h @ p @ h.T + r)
    mean = np.array([2.0, 0.5]) + (gain @ (np.array([z]) - h @ np.array([2.0, 0.5])))
    cov = (np.eye(2) - gain @ h) @ p
    got = correct(state, np.array([[z]]), r)
    np.testing.assert_allclose([got.x[0, 0], got.v[0, 0]], mean)
    np.testing.assert_allclose([got.xx[0, 0], got.xv[0, 0], got.vv[0, 0]], [cov[0, 0], cov[0, 1], cov[1, 1]])


def test_predict_is_pure() -> None:
    motion = KalmanMotion(TrackerConfig())
    look = Look.at(walkers(0.0).xyxy, walkers(0.0).score)
    rows = motion.start(look, 0.0)
    before = rows.tobytes()
    answers = [motion.predict(rows, t).xyxy.tobytes() for t in (0.5, 3.0, 0.5)]
    assert rows.tobytes() == before
    assert answers[0] == answers[2]
