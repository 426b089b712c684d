"""Which pairs may match: expired tracks, exits at the border, and uncontested pairs of changed appearance."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.association.gating import at_border
from tracker.classification.track_classes import ClassPooling
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.engine import Tracker
from tracker.types import Detections, Float32, Frame

SIZE = (640, 480)
PERSON = np.array([300.0, 200, 360, 380])


def found(*rows: tuple[np.ndarray, float], embedding: Float32 | None = None) -> Detections:
    boxes = np.array([box for box, _ in rows], np.float32).reshape(-1, 4)
    score, label = np.array([s for _, s in rows], np.float32), np.zeros(len(rows), np.int64)
    return Detections(boxes, score, label, embedding)


@pytest.mark.parametrize("motion", ["liquid", "kalman"])
@pytest.mark.parametrize("gap", [16.0, 60.0])
@pytest.mark.parametrize("aside", [0.0, 60.0])
def test_track_ends_after_max_age_even_without_frames(motion: str, gap: float, aside: float) -> None:
    tracker = Tracker(TrackerConfig(motion=motion), size=SIZE)
    for k in range(25):
        tracker.update(found((PERSON, 0.9)), k / 25)
    moved = PERSON + np.array([aside, 0, aside, 0])
    assert tracker.update(found((moved, 0.9)), 0.96 + gap).id.tolist() == [2]


def test_gap_shorter_than_max_age_keeps_the_id() -> None:
    tracker = Tracker(size=SIZE)
    for k in range(25):
        tracker.update(found((PERSON, 0.9)), k / 25)
    assert tracker.update(found((PERSON, 0.9)), 0.96 + 1.5).confirmed.id.tolist() == [1]


@pytest.mark.parametrize("motion", ["liquid", "kalman"])
def test_low_score_border_detection_does_not_revive_a_track_that_left(motion: str) -> None:
    """A person walks out at the right; half a second later a low-score sliver of another person appears there."""
    tracker = Tracker(TrackerConfig(motion=motion), size=SIZE)
    for k in range(25):
        left = min(480.0 + 6 * k, 610.0)
        tracker.update(found((np.array([left, 200, min(left + 60, 640), 380]), 0.9)), k / 25)
    for k in range(25, 37):
        tracker.update(Detections.empty(), k / 25)
    sliver = np.array([612.0, 200, 640, 380])
    tracks = tracker.update(found((sliver, 0.12)), 37 / 25)
    assert tracks.detection.tolist() == [-1]
    seen = tracker.update(found((sliver, 0.9)), 38 / 25)  # a sure one may
    assert (seen.detection == 0).tolist() == [True] * len(seen)


def test_border_margin_is_one_percent_of_the_image() -> None:
    boxes = np.array(
        [[0.0, 100, 50, 200], [7, 100, 50, 200], [300, 100, 636, 200], [300, 4, 400, 200], [9, 9, 600, 470]]
    )
    assert at_border(boxes, SIZE).tolist() == [True, False, True, True, False]


def test_changed_appearance_does_not_block_an_uncontested_match() -> None:
    """One person fills the image and changes appearance every frame; low-score boxes lie around."""
    rng = np.random.default_rng(5)
    tracker = Tracker(size=SIZE)
    for k in range(40):
        moved = PERSON + np.array([12.0, 0, 12, 0]) * (k % 2)
        weak = [(np.array([20.0 + 150 * i, 20, 60 + 150 * i, 90]), 0.15) for i in range(4)]
        looks = rng.normal(size=(5, 16))
        looks[0] = np.eye(16)[k % 5] * 4
        unit = (looks / np.linalg.norm(looks, axis=1, keepdims=True)).astype(np.float32)
        tracks = tracker.update(found((moved, 0.8), *weak, embedding=unit), k / 25)
        assert tracks.confirmed.id.tolist() == [1]


def test_person_at_a_desk_keeps_one_id(shared: Path) -> None:
    detector = build_detector(DetectorConfig(detector="lite0", threads=1), embeddings=True)
    pictures = sorted((shared / "data/sot/FaceOcc1/img").glob("*.jpg"))
    tracker, ids = Tracker(classes=ClassPooling(len(detector.names)), size=(352, 288)), set()
    for k, path in enumerate(pictures):
        bgr = np.asarray(cv2.imread(str(path)), np.uint8)
        ids.update(tracker.update(detector(Frame(bgr, k, k / 25)), k / 25).confirmed.id.tolist())
    assert len(pictures) == 80
    assert ids == {1}
