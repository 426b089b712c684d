"""There and back again through `supervision`."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.supervision import from_supervision, to_supervision
from tracker.types import Detections, Tracks

sv = pytest.importorskip("supervision")

XYXY = np.array([[1, 2, 30, 40], [5, 6, 7, 8]], np.float32)


def test_detections_round_trip_through_supervision() -> None:
    there = Detections(XYXY, np.array([0.25, 1]), np.array([2, 0]), embedding=np.eye(2, 4, dtype=np.float32))
    back = from_supervision(to_supervision(there, ("person", "bicycle", "car")))
    for name in ("xyxy", "score", "label", "embedding"):
        np.testing.assert_array_equal(getattr(back, name), getattr(there, name))


def test_tracks_export_ids_and_names() -> None:
    zero = np.zeros(2)
    went = to_supervision(Tracks(np.array([7, 9]), XYXY, zero, zero, zero, zero, zero), ("person",))
    assert went.tracker_id.tolist() == [7, 9]
    assert went.data["class_name"].tolist() == ["person", "person"]


def test_columns_missing_in_supervision_get_defaults() -> None:
    back = from_supervision(sv.Detections(xyxy=XYXY))
    assert back.score.tolist() == [1, 1]
    assert back.label.tolist() == [0, 0]
