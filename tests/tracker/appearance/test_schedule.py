"""Embeddings are computed only for frames in which positions are ambiguous."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.appearance.schedule import REFRESH_S, EmbeddingSchedule
from tracker.types import Detections

HERE, THERE = (10.0, 10, 50, 110), (200.0, 10, 240, 110)


def found(*boxes: tuple[float, ...], score: float = 0.9, label: int | list[int] = 0) -> Detections:
    n = len(boxes)
    return Detections(np.array(boxes).reshape(n, 4), np.full(n, score), np.broadcast_to(label, n).copy())


def right(box: tuple[float, ...], by: float) -> tuple[float, ...]:
    return (box[0] + by, box[1], box[2] + by, box[3])


@pytest.fixture
def glance() -> EmbeddingSchedule:
    """A schedule that has embedded two separate people."""
    made = EmbeddingSchedule()
    assert made.needed(found(HERE, THERE), 0.0)
    return made


def test_isolated_track_needs_no_embedding(glance: EmbeddingSchedule) -> None:
    for k in range(1, 5):
        assert not glance.needed(found(right(HERE, 4 * k), right(THERE, -4 * k)), 0.1 * k)


def test_new_object_needs_an_embedding(glance: EmbeddingSchedule) -> None:
    assert glance.needed(found(HERE, THERE, (400, 10, 440, 110)), 0.1)
    assert not glance.needed(found(HERE, THERE, (400, 10, 440, 110)), 0.2)


def test_short_absence_needs_no_embedding(glance: EmbeddingSchedule) -> None:
    assert not glance.needed(found(HERE), 0.1)
    assert not glance.needed(found(HERE, THERE), 0.2)


def test_return_after_a_long_absence_needs_an_embedding(glance: EmbeddingSchedule) -> None:
    times = np.arange(0.1, 1.35, 0.1)
    looks = [glance.needed(found(HERE), t) for t in times]
    assert looks.count(True) == 2  # those that were due
    assert glance.needed(found(HERE, THERE), 1.4)


def test_overlapping_people_need_embeddings_in_every_frame(glance: EmbeddingSchedule) -> None:
    assert glance.needed(found(HERE, right(HERE, 20)), 0.1)
    assert glance.needed(found(HERE, right(HERE, 20)), 0.2)


def test_detection_between_two_tracks_needs_an_embedding() -> None:
    glance = EmbeddingSchedule()
    assert glance.needed(found(HERE, right(HERE, 30)), 0.0)  # they overlap by 1/7: not crowded, but new
    assert glance.needed(found(right(HERE, 15)), 0.1)


def test_overlap_of_different_classes_needs_no_embedding() -> None:
    glance = EmbeddingSchedule()
    assert glance.needed(found(HERE, right(HERE, 5), label=[0, 1]), 0.0)
    assert not glance.needed(found(HERE, right(HERE, 5), label=[0, 1]), 0.1)


def test_embeddings_are_refreshed_periodically_and_not_for_low_scores(glance: EmbeddingSchedule) -> None:
    assert not glance.needed(found(HERE, THERE), REFRESH_S - 0.01)
    assert glance.needed(found(HERE, THERE), REFRESH_S)
    both = found(HERE, THERE, (400, 10, 440, 110))
    unsure = Detections(both.xyxy, np.array([0.9, 0.9, 0.3]), both.label)
    assert not glance.needed(unsure, REFRESH_S + 0.1)


def test_jump_needs_an_embedding_and_empty_frame_does_not(glance: EmbeddingSchedule) -> None:
    assert not glance.needed(found(), 0.1)
    assert not glance.needed(found(), 5.0)
    assert glance.needed(found(right(HERE, 80), THERE), 5.1)
