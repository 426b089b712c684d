"""`Tracker.outlook`: where the tracks of the latest update will be, and how sure that is."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.types import Detections


@pytest.mark.parametrize("motion", ["kalman", "liquid"])
def test_the_spread_grows_with_time_and_nothing_changes(motion: str) -> None:
    tracker = Tracker(TrackerConfig(motion=motion), size=(640, 480))
    assert len(tracker.outlook(0.0)[1]) == 0
    for k in range(10):
        found = np.array([[100 + 5 * k, 100, 140 + 5 * k, 200], [400, 100, 440, 200]])
        tracker.update(Detections(found, np.array([0.9, 0.9]), np.zeros(2, np.int64)), 3 + k / 20)
    before = copy.deepcopy(tracker)
    soon, later = tracker.outlook(3.5), tracker.outlook(4.0)
    assert (later[1] > soon[1]).all()
    assert np.abs(tracker.predict(3.5).xyxy - soon[0]).max() < 1e-3
    found = np.array([[150, 100, 190, 200.0]])
    last = Detections(found, np.array([0.9]), np.zeros(1, np.int64))
    assert (tracker.update(last, 3.5).xyxy == before.update(last, 3.5).xyxy).all()
    assert len(tracker.outlook(3.6)[1]) == 1  # the other one was missed in the latest look
