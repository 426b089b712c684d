"""Classes over time in the engine: one object stays one track of one class, whatever its detector calls it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tracker.classification.label_votes import class_evidence
from tracker.classification.track_classes import ClassPooling
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.types import Detections, State, Tracks

CAR, TRUCK, PERSON = 2, 7, 0
BOX = (100.0, 100.0, 180.0, 150.0)


def found(*rows: tuple[tuple[float, ...], float, int]) -> Detections:
    return Detections(np.array([r[0] for r in rows]).reshape(-1, 4), [r[1] for r in rows], [r[2] for r in rows])


def moved(box: tuple[float, ...], by: float) -> tuple[float, ...]:
    return box[0] + by, box[1], box[2] + by, box[3]


@pytest.mark.parametrize("motion", ["liquid", "kalman"])
@pytest.mark.parametrize("gap", [0.04, 0.5])
def test_occasional_wrong_class_changes_neither_id_nor_label(motion: str, gap: float) -> None:
    rng = np.random.default_rng(0)
    tracker = Tracker(TrackerConfig(motion=motion), classes=ClassPooling(80))
    seen = []
    for k in range(40):
        label = TRUCK if k and rng.random() < 0.25 else CAR
        seen.append(tracker.update(found((moved(BOX, 40 * gap * k), 0.8, label)), k * gap).confirmed)
    assert {tuple(t.id.tolist()) for t in seen} == {(1,)}
    assert {tuple(t.label.tolist()) for t in seen[3:]} == {(CAR,)}
    assert seen[-1].class_score is not None
    assert 0.5 < seen[-1].class_score[0] <= 1


def test_lasting_class_change_is_followed() -> None:
    tracker = Tracker(classes=ClassPooling(80))
    labels = [CAR] * 5 + [TRUCK] * 40
    seen = [tracker.update(found((BOX, 0.9, label)), 0.2 * k).confirmed for k, label in enumerate(labels)]
    assert all(t.id.tolist() == [1] for t in seen)
    said = [int(t.label[0]) for t in seen]
    assert said[4] == CAR
    assert said[-1] == TRUCK
    assert sum(a != b for a, b in pairwise(said)) == 1


def test_coinciding_boxes_of_two_classes_are_one_object() -> None:
    tracker = Tracker(classes=ClassPooling(80))
    both = found((BOX, 0.8, CAR), (moved(BOX, 2), 0.7, TRUCK), ((300.0, 50, 330, 140), 0.9, PERSON))
    for k in range(10):
        tracks = tracker.update(both, 0.1 * k)
    assert tracks.id.tolist() == [1, 2]
    assert sorted(tracks.label.tolist()) == [PERSON, CAR]
    assert tracks.class_score is not None
    assert tracks.class_score[tracks.label == CAR] < tracks.class_score[tracks.label == PERSON]
    assert tracks.detection.tolist() == [0, 2]  # rows of the detections as they were given


def test_adjacent_objects_of_two_classes_keep_their_classes() -> None:
    tracker = Tracker(classes=ClassPooling(80))
    rider, bicycle = (100.0, 40.0, 140.0, 140.0), (95.0, 90.0, 150.0, 160.0)
    for k in range(20):
        tracks = tracker.update(found((moved(rider, k), 0.9, PERSON), (moved(bicycle, k), 0.8, 1)), 0.1 * k)
    assert tracks.id.tolist() == [1, 2]
    assert tracks.label.tolist() == [PERSON, 1]


def test_distant_detection_of_another_class_is_a_new_object() -> None:
    tracker = Tracker(classes=ClassPooling(80))
    for k in range(5):
        tracker.update(found((BOX, 0.9, CAR)), 0.1 * k)
    tracks = tracker.update(found((moved(BOX, 300), 0.9, TRUCK)), 0.5)
    assert tracks.id.tolist() == [1, 2]
    assert tracks.state.tolist() == [State.LOST, State.ACTIVE]


def test_single_class_needs_no_pooling() -> None:
    for classes in (None, ClassPooling(1)):
        tracks = Tracker(classes=classes).update(found((BOX, 0.9, 0)), 0.0)
        assert tracks.class_score is None


def test_labels_beyond_the_declared_classes_are_accepted() -> None:
    tracker = Tracker()
    tracker.update(found((BOX, 0.9, 0)), 0.0)
    for k in range(1, 6):
        tracks = tracker.update(found((BOX, 0.9, 0), (moved(BOX, 200), 0.9, min(k, 4))), 0.1 * k)
    assert tracks.id[0] == 1
    assert tracks.label[0] == 0
    assert tracks.class_score is not None
    assert np.isfinite(tracks.class_score).all()


def test_label_survives_the_first_wrong_detection_of_a_second_class() -> None:
    tracker = Tracker()
    for k in range(30):
        tracks = tracker.update(found((BOX, 0.8, int(k == 20))), k / 25)
        assert tracks.id.tolist() == [1]
        assert tracks.label.tolist() == [0]
    assert tracks.class_score is not None
    assert tracks.class_score[0] > 0.7


def test_adding_classes_keeps_accumulated_evidence() -> None:
    wide, grown = (Tracker(classes=ClassPooling(n)) for n in (12, 3))
    last: list[Tracks] = []
    for tracker in (wide, grown):
        for k, label in enumerate([2, 2, 1, 2]):
            tracker.update(found((BOX, 0.7, label)), 0.2 * k)
        last.append(tracker.update(found((BOX, 0.7, 2), (moved(BOX, 300), 0.7, 11)), 0.8))
    assert last[0].label.tolist() == last[1].label.tolist() == [2, 11]
    assert last[0].class_score is not None
    assert last[1].class_score is not None
    # not the same: with fewer classes chance is a better guess; but near
    np.testing.assert_allclose(last[0].class_score, last[1].class_score, atol=0.2)


def test_duplicates_of_another_class_share_class_evidence() -> None:
    xyxy = np.array([BOX, moved(BOX, 2), moved(BOX, 60), moved(BOX, 1)])
    votes, worse = class_evidence(xyxy, np.array([0.6, 0.2, 0.9, 0.5]), np.array([1, 2, 2, 1]), 3)
    assert worse.tolist() == [False, True, False, False]  # two of one class are the detector's own business
    np.testing.assert_allclose(votes[0], [0, 0.75, 0.25])
    np.testing.assert_allclose(votes[2], [0, 0, 1])
    assert class_evidence(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), 3)[0].shape == (0, 3)


def test_equal_score_duplicates_keep_one_box() -> None:
    _, worse = class_evidence(np.array([BOX, BOX]), np.array([0.5, 0.5]), np.array([1, 2]), 3)
    assert worse.tolist() == [False, True]
