"""Static clutter: recognised after a while, through occlusion and camera motion, and never matched to lost tracks."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.association.static_clutter import MEMORY_S, MIN_OBSERVATIONS, StaticClutter
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.types import Detections, Float64

SIGN = np.array([[30.0, 110, 48, 144]])
NONE = np.zeros((0, 4))


def watched(times: Float64) -> StaticClutter:
    standing = StaticClutter()
    for k, time in enumerate(times.tolist()):
        standing.observe(SIGN + 0.5 * (-1) ** k, time)
    return standing


@pytest.mark.parametrize(
    ("times", "known"),
    [
        (np.arange(0, 0.9, 0.1), False),  # not for long enough
        (np.arange(MIN_OBSERVATIONS - 1) / 1.5, False),  # not often enough
        (np.arange(0, 1.2, 0.1), True),
        (np.arange(MIN_OBSERVATIONS) * 0.9, True),
    ],
)
def test_static_clutter_is_recognised_after_repeated_detections(times: Float64, known: bool) -> None:
    assert watched(times).is_clutter(np.concatenate([SIGN, SIGN + 40])).tolist() == [known, False]


def test_static_clutter_is_forgotten_after_the_memory_time() -> None:
    for pause, known in ((MEMORY_S - 1, True), (MEMORY_S + 1, False)):
        standing = watched(np.arange(0, 2, 0.1))
        standing.observe(NONE, 1.9 + pause)
        assert standing.is_clutter(SIGN).tolist() == [known]


def test_duplicate_detection_of_a_person_is_no_static_clutter() -> None:
    """A static person has two detections, of high and low score; if only the low one is left, it keeps the track."""
    tracker, person = Tracker(TrackerConfig()), np.array([100.0, 100, 140, 200])
    for k in range(45):
        boxes = np.array([person + 4, person][: 1 if k >= 40 else 2], np.float32)
        score = np.array([0.6, 0.9][: len(boxes)], np.float32)
        tracks = tracker.update(Detections(boxes, score, np.zeros(len(boxes), np.int64)), k / 15)
    assert (tracks.confirmed.detection >= 0).tolist() == [True]


def test_static_clutter_moves_with_the_camera() -> None:
    standing = watched(np.arange(0, 2, 0.1))
    standing.warp(np.array([[1.0, 0, 100], [0, 1, -20]]))
    assert standing.is_clutter(np.concatenate([SIGN, SIGN + np.tile([100, -20], 2)])).tolist() == [False, True]


@pytest.mark.parametrize("several", [False, True], ids=["one class", "two classes"])
@pytest.mark.parametrize("sure", [False, True])
def test_lost_track_does_not_attach_to_static_clutter(sure: bool, several: bool) -> None:
    """A person disappears near a sign; only a sign of high score counts as an object."""
    tracker = Tracker(TrackerConfig(), size=(768, 576))
    shown = []
    for k in range(60):
        x = 100 - 2.0 * k
        walker = [[x, 105, x + 18, 143]] if k < 30 else []
        boxes = np.array([[500, 100, 560, 140], SIGN[0].tolist(), *walker], np.float32)
        score = np.array([0.9, 0.9 if sure else 0.5, 0.85][: len(boxes)], np.float32)
        label = np.array([int(several), 0, 0][: len(boxes)])
        tracks = tracker.update(Detections(boxes, score, label), k / 15).confirmed
        shown.append((tracks.detection >= 0) & (tracks.xyxy[:, 0] < 400))
    assert any(seen.any() for seen in shown[:30])
    assert shown[-1].any() == sure
