"""New tracks by evidence: repeated low-score detections start a track, single or small static ones do not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.association.candidates import MIN_SIGHTS, MIN_TIME_S, Candidates
from tracker.boxes import overlaps
from tracker.classification.track_classes import ClassPooling
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.engine import Tracker
from tracker.motion.base import Observations
from tracker.types import Detections, Float64, Frame

SIZE = (640, 480)
LARGE = np.array([200.0, 120, 420, 360])  # 17 % of the image
NO, NOBODY = np.zeros(9, np.int64), (np.zeros((0, 4)), np.zeros(0, np.int64))
SMALL = np.array([200.0, 120, 224, 160])  # 0.3 %


def found(*rows: tuple[Float64, float]) -> Detections:
    boxes = np.array([box for box, _ in rows], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([score for _, score in rows], np.float32), np.zeros(len(rows), np.int64))


def births(box: Float64, score: float, rate: float, seconds: float, speed: float = 0.0, every: int = 1) -> list[float]:
    """Times with confirmed tracks; detected in every `every`-th frame, moving right at `speed` pixels a second."""
    tracker, times = Tracker(size=SIZE), []
    for k in range(round(seconds * rate) + 1):
        time = k / rate
        moved = box + np.array([speed * time, 0, speed * time, 0])
        tracks = tracker.update(found((moved, score)) if k % every == 0 else Detections.empty(), time)
        if len(tracks.confirmed):
            times.append(time)
    return times


@pytest.mark.parametrize("motion", ["liquid", "kalman"])
@pytest.mark.parametrize("rate", [5.0, 10.0, 25.0, 60.0])
def test_large_low_score_object_is_tracked_half_a_second_after_its_fifth_detection(rate: float, motion: str) -> None:
    tracker = Tracker(TrackerConfig(motion=motion), size=SIZE)
    end = 4 / rate + 0.5
    shown = [len(tracker.update(found((LARGE, 0.42)), k / rate).confirmed) for k in range(round(end * rate) + 1)]
    assert shown[0] == 0
    assert shown[-1] == 1
    assert max(shown) == 1


def test_detections_in_half_of_the_frames_start_a_track() -> None:
    assert births(LARGE, 0.45, 25.0, 1.0, every=2)[0] <= 8 / 25 + 0.5


def test_single_low_score_detection_starts_no_track() -> None:
    tracker = Tracker(size=SIZE)
    assert len(tracker.update(found((LARGE, 0.6)), 0.0)) == 0
    for k in range(1, 50):
        assert len(tracker.update(Detections.empty(), k / 25)) == 0


def test_low_score_detections_at_different_positions_do_not_accumulate() -> None:
    tracker, rng = Tracker(size=(4096, 4096)), np.random.default_rng(3)
    for k in range(100):
        corner = rng.uniform(0, 4000, 2)
        box = np.concatenate([corner, corner + 60])
        assert len(tracker.update(found((box, 0.5)), k / 25)) == 0


def test_small_low_score_object_is_tracked_only_if_it_moves() -> None:
    assert births(SMALL, 0.5, 25.0, 10.0) == []
    assert births(SMALL, 0.5, 25.0, 2.0, speed=60.0)


def test_detection_explained_by_a_track_starts_no_second_track() -> None:
    tracker = Tracker(size=SIZE)
    for k in range(60):
        tracks = tracker.update(found((LARGE, 0.9), (LARGE + 12, 0.55)), k / 25)
    assert tracks.id.tolist() == [1]


def test_part_of_a_tracked_object_starts_no_track() -> None:
    tracker, part = Tracker(size=SIZE), np.array([230.0, 140, 330, 260])
    for k in range(60):
        tracks = tracker.update(found((LARGE, 0.9), (part, 0.55)), k / 25)
    assert tracks.id.tolist() == [1]


def test_accumulated_evidence_can_be_disabled() -> None:
    tracker = Tracker(TrackerConfig(new_track_probability=1), size=SIZE)
    for k in range(100):
        assert len(tracker.update(found((LARGE, 0.64)), k / 25)) == 0


def test_track_started_by_evidence_survives_on_low_score_detections() -> None:
    """Once it is a track it is no static clutter any more, even if it was taken for that before."""
    tracker = Tracker(size=SIZE)
    ids = [tracker.update(found((LARGE, 0.36)), k / 25).confirmed.id.tolist() for k in range(150)]
    assert ids[-1] == [1]
    assert ids.count([1]) > 100


def test_candidates_move_with_the_camera() -> None:
    """The camera pans by more than the object's width a frame: without the warp no two sights would meet."""
    shift = np.array([[1.0, 0, 150], [0, 1, 0]])
    tracker, box = Tracker(size=(8000, 480)), np.array([0.0, 100, 120, 400])
    for k in range(20):
        moved = box + k * np.array([150.0, 0, 150, 0])
        tracks = tracker.update(found((moved, 0.5)), k / 10, shift if k else None)
    assert len(tracks.confirmed) == 1


def evidence(scores: list[float], rate: float) -> float:
    """Log-odds of the last of these detections at one position."""
    candidates, odds = Candidates(), np.zeros(1)
    for k, score in enumerate(scores):
        odds = candidates.observe(Observations.at(LARGE[None], np.array([score])), *NOBODY, k / rate, 640.0 * 480)
        candidates.keep(np.ones(1, bool))
    return float(odds[0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.1, 0.6), min_size=1, max_size=30), st.sampled_from([5.0, 12.0, 30.0]))
def test_evidence_increases_with_scores_and_time(scores: list[float], rate: float) -> None:
    odds = evidence(scores, rate)
    ripe = len(scores) >= MIN_SIGHTS and (len(scores) - 1) / rate >= MIN_TIME_S
    assert np.isfinite(odds) == ripe
    if ripe:
        assert evidence([min(score + 0.1, 1.0) for score in scores], rate) > odds
        mean = 1 / (1 + np.exp(-np.mean(np.log(np.divide(scores, np.subtract(1, scores))))))
        assert evidence([*scores, float(mean)], rate) >= odds - 1e-9


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_tracks_do_not_depend_on_detection_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 900, (6, 2))
    places = places[np.argsort(places[:, 0])]
    boxes = np.concatenate([places, places + 80], axis=1)
    one, two = Candidates(), Candidates()
    for k in range(12):
        seen, order = rng.random(6) < 0.7, rng.permutation(6)
        score = rng.uniform(0.2, 0.6, 6)
        for candidates, rows in ((one, np.flatnonzero(seen)), (two, order[seen[order]])):
            observations = Observations.at(boxes[rows], score[rows])
            odds = candidates.observe(observations, *NOBODY, k / 10, 1e6)
            candidates.keep(np.ones(len(rows), bool))
            if candidates is one:
                first = dict(zip(rows.tolist(), odds.tolist(), strict=True))
            else:
                assert dict(zip(rows.tolist(), odds.tolist(), strict=True)) == pytest.approx(first)


@pytest.mark.parametrize(("folder", "sequence", "least"), [("davis", "libby", 8), ("davis_more", "car-turn", 20)])
def test_frame_filling_dog_and_car_are_tracked(shared: Path, folder: str, sequence: str, least: int) -> None:
    """Detected in nearly every frame, never with a high score: by score alone neither becomes a track."""
    root = shared / "data" / folder
    pictures = sorted((root / "JPEGImages/480p" / sequence).glob("*.jpg"))[:40]
    detector = build_detector(DetectorConfig(detector="lite0", threads=1))
    height, width = np.asarray(cv2.imread(str(pictures[0]))).shape[:2]
    tracker, right = Tracker(classes=ClassPooling(len(detector.names)), size=(width, height)), []
    for k, path in enumerate(pictures):
        bgr = np.asarray(cv2.imread(str(path)), np.uint8)
        tracks = tracker.update(detector(Frame(bgr, k, k / 25)), k / 25).confirmed
        mask = cv2.imread(str(root / "Annotations/480p" / sequence / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        x, y, w, h = cv2.boundingRect(np.asarray(mask))
        iou = overlaps(tracks.xyxy.astype(np.float64), np.array([[x, y, x + w, y + h]], np.float64))
        right.append(bool((iou >= 0.5).any()))
    assert sum(right) >= least
