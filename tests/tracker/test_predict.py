"""`Tracker.predict`: all tracks at any later time, without a change to the tracker."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import DataError
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.types import Detections, State, Tracks

MOTIONS = ("kalman", "liquid")
SIZE = (640, 480)
WIDTH, HEIGHT = 40.0, 100.0


def crowd(seed: int, frames: int) -> Iterator[tuple[Detections, float]]:
    """Walkers of two classes who appear, are missed, and leave at the border, at uneven times; with embeddings."""
    rng = np.random.default_rng(seed)
    at, speed = rng.uniform(0, 600, (6, 2)) * [1, 0.5], rng.normal(0, 120, (6, 2)) * [1, 0.1]
    looks = rng.normal(size=(6, 8)).astype(np.float32)
    time = 5.0  # seconds; no clock needs to begin at zero
    for _ in range(frames):
        step = float(rng.choice([0.04, 0.1, 0.6]))
        time, at = time + step, at + speed * step
        rows = np.flatnonzero((rng.random(6) < 0.8) & (np.abs(at[:, 0] - 320) < 320))
        boxes = np.concatenate([at[rows], at[rows] + [WIDTH, HEIGHT]], axis=1) + rng.normal(0, 1, (len(rows), 4))
        score, label = rng.uniform(0.3, 0.95, len(rows)), rows % 2
        looks_now = looks[rows] + 0.05 * rng.normal(size=(len(rows), 8)).astype(np.float32)
        yield Detections(boxes.astype(np.float32), score.astype(np.float32), label, looks_now), time


def same(some: Tracks, others: Tracks, *but: str) -> None:
    for name in {"id", "xyxy", "score", "label", "state", "time_since_update", "detection", "class_score"} - set(but):
        one, other = getattr(some, name), getattr(others, name)
        assert (one is None) == (other is None)
        assert one is None or one.tobytes() == other.tobytes(), name


@pytest.mark.parametrize("motion", MOTIONS)
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_predictions_leave_later_updates_unchanged(motion: str, seed: int) -> None:
    config = TrackerConfig(motion=motion, online_calibration=True)
    plain, asked, rng = Tracker(config, size=SIZE), Tracker(config, size=SIZE), np.random.default_rng(seed)
    for found, time in crowd(seed, 25):
        same(plain.update(found, time), asked.update(found, time))
        for later in rng.choice([0, 0.001, 0.3, 2.0, 100.0], rng.integers(0, 4)):
            same(asked.predict(time + later), asked.predict(time + later))


@pytest.mark.parametrize("motion", MOTIONS)
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.4, 1.0, 1.9, 4.0, 6.0]))
def test_prediction_equals_an_update_without_detections(motion: str, seed: int, wait: float) -> None:
    tracker = Tracker(TrackerConfig(motion=motion, min_confirm=0.2), size=SIZE)
    for found, time in crowd(seed, 20):
        latest = tracker.update(found, time)
    later = tracker.predict(time + wait)
    kept = copy.deepcopy(tracker).update(Detections.empty(), time + wait)
    same(later, kept, "state")
    assert (later.detection == -1).all()
    before = dict(zip(latest.id.tolist(), latest.state.tolist(), strict=True))
    assert later.state.tolist() == [before[id] for id in later.id.tolist()]


@pytest.mark.parametrize("motion", MOTIONS)
def test_prediction_extrapolates_a_walker_and_ends_at_max_age(motion: str) -> None:
    tracker = Tracker(TrackerConfig(motion=motion, max_age=2.0))
    for k in range(20):
        box = np.array([[100 + 6 * k, 100, 140 + 6 * k, 200]], np.float32)  # 60 pixels a second
        tracks = tracker.update(Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int64)), k / 10)
    soon = tracker.predict(1.9 + 0.3)
    assert soon.id.tolist() == tracks.id.tolist()
    assert soon.state.tolist() == [State.ACTIVE]
    assert soon.time_since_update == pytest.approx(0.3)
    assert abs(soon.xyxy[0, 0] - (100 + 60 * 2.2)) < 0.5 * abs(tracks.xyxy[0, 0] - (100 + 60 * 2.2))
    assert abs(tracker.predict(1.9).xyxy - tracks.xyxy).max() < 3  # pixels: the model's estimate of the same moment
    assert len(tracker.predict(1.9 + 2.5 * 2.0 + 0.01)) == 0


@pytest.mark.parametrize("motion", MOTIONS)
def test_before_the_first_update_there_are_no_tracks(motion: str) -> None:
    assert len(Tracker(TrackerConfig(motion=motion)).predict(3.0)) == 0


def test_earlier_or_missing_time_is_refused_in_one_sentence() -> None:
    tracker = Tracker()
    tracker.update(Detections.empty(), 2.0)
    with pytest.raises(DataError, match=r"1\.500000 s lies before the latest update at 2\.000000 s; ask"):
        tracker.predict(1.5)
    with pytest.raises(DataError, match="the time"):
        tracker.predict(float("nan"))
    assert len(tracker.predict(2.0)) == 0
