"""What a look shows about the frames before it."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.schedule.evidence import LookEvidence, evidence

BOX = np.array([10.0, 20, 40, 80])
FAR = BOX + np.array([100.0, 0, 100, 0])


def shown(found: list[int], boxes: list[np.ndarray], margin: list[float]) -> LookEvidence:
    expected = np.array([1, 2]), np.stack([BOX, FAR]), np.array([True, True])
    return evidence(expected, (np.array(found), np.array(boxes).reshape(-1, 4)), np.array(margin))


def test_a_look_that_shows_what_was_expected_asks_for_no_other() -> None:
    seen = shown([1, 2], [BOX, FAR], [30.0, 30.0])
    assert seen.loss == pytest.approx(0, abs=1e-9)
    assert seen.worth(1.0) == pytest.approx(0, abs=1e-9)


def test_an_object_that_moved_otherwise_is_a_surprise() -> None:
    seen = shown([1, 2], [BOX + np.array([15.0, 0, 15, 0]), FAR], [30.0, 30.0])
    assert seen.surprise == pytest.approx(1 - 1 / 3)


def test_a_match_as_likely_as_its_rival_is_half_in_doubt() -> None:
    assert shown([1, 2], [BOX, FAR], [0.0, 30.0]).doubt == pytest.approx(0.5)


def test_tracks_that_begin_or_are_gone_count() -> None:
    seen = shown([1, 3], [BOX, FAR], [30.0, np.nan])
    assert (seen.born, seen.lost) == (1, 1)


def test_a_track_that_was_missing_before_is_not_lost_again() -> None:
    expected = np.array([1]), BOX[None], np.array([False])
    assert evidence(expected, (np.zeros(0, np.int64), np.zeros((0, 4))), np.zeros(0)).lost == 0


def test_a_look_is_worth_more_in_a_longer_interval() -> None:
    seen = shown([1, 3], [BOX, FAR], [0.0, np.nan])
    assert seen.worth(0.4) == pytest.approx(2 * seen.worth(0.2))
