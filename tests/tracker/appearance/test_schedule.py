"""A look is taken where place alone does not tell who is who, and nowhere else."""

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
    """One that has seen two persons apart, and needed to look."""
    made = EmbeddingSchedule()
    assert made.needed(found(HERE, THERE), 0.0)
    return made


def test_whoever_walks_on_alone_needs_no_look(glance: EmbeddingSchedule) -> None:
    for k in range(1, 5):
        assert not glance.needed(found(right(HERE, 4 * k), right(THERE, -4 * k)), 0.1 * k)


def test_somebody_new_needs_one(glance: EmbeddingSchedule) -> None:
    assert glance.needed(found(HERE, THERE, (400, 10, 440, 110)), 0.1)
    assert not glance.needed(found(HERE, THERE, (400, 10, 440, 110)), 0.2)


def test_somebody_who_leaves_needs_none_and_is_known_when_he_comes_back_soon(glance: EmbeddingSchedule) -> None:
    assert not glance.needed(found(HERE), 0.1)
    assert not glance.needed(found(HERE, THERE), 0.2)


def test_somebody_who_comes_back_late_needs_one(glance: EmbeddingSchedule) -> None:
    times = np.arange(0.1, 1.35, 0.1)
    looks = [glance.needed(found(HERE), t) for t in times]
    assert looks.count(True) == 2  # those that were due
    assert glance.needed(found(HERE, THERE), 1.4)


def test_people_who_overlap_need_one_in_every_frame(glance: EmbeddingSchedule) -> None:
    assert glance.needed(found(HERE, right(HERE, 20)), 0.1)
    assert glance.needed(found(HERE, right(HERE, 20)), 0.2)


def test_one_person_on_the_places_of_two_needs_one() -> None:
    glance = EmbeddingSchedule()
    assert glance.needed(found(HERE, right(HERE, 30)), 0.0)  # they overlap by 1/7: not crowded, but new
    assert glance.needed(found(right(HERE, 15)), 0.1)


def test_things_of_two_classes_are_never_taken_for_each_other() -> None:
    glance = EmbeddingSchedule()
    assert glance.needed(found(HERE, right(HERE, 5), label=[0, 1]), 0.0)
    assert not glance.needed(found(HERE, right(HERE, 5), label=[0, 1]), 0.1)


def test_a_look_is_due_after_a_while_and_unsure_detections_call_for_none(glance: EmbeddingSchedule) -> None:
    assert not glance.needed(found(HERE, THERE), REFRESH_S - 0.01)
    assert glance.needed(found(HERE, THERE), REFRESH_S)
    both = found(HERE, THERE, (400, 10, 440, 110))
    unsure = Detections(both.xyxy, np.array([0.9, 0.9, 0.3]), both.label)
    assert not glance.needed(unsure, REFRESH_S + 0.1)


def test_a_jump_is_somebody_new_and_an_empty_frame_needs_none(glance: EmbeddingSchedule) -> None:
    assert not glance.needed(found(), 0.1)
    assert not glance.needed(found(), 5.0)
    assert glance.needed(found(right(HERE, 80), THERE), 5.1)
