"""What a look shows about the frames before it."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.schedule.evidence import WEIGHTS, Floor, LookEvidence, evidence

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


def test_noise_that_no_look_takes_away_is_told_from_motion() -> None:
    """Intervals of 8 frames and their halves: what falls to half is motion, the rest a floor."""
    rng, floor = np.random.default_rng(0), Floor()
    shift = lambda frames: 0.02 + 0.01 * frames  # noqa: E731
    loss = lambda d: 2 * d / (1 + d)  # noqa: E731
    motion, noise = 0.01, np.array([loss(0.02), 0.03, 0.0, 0.01, 0.0])

    def shown(frames: int) -> np.ndarray:
        moving = np.array([loss(shift(frames)), 0.03 + motion * frames, motion * frames, 0.01, 0.0])
        return moving + rng.normal(0, 0.001, 5)

    assert floor.learn({(k, k + 8): shown(8) for k in range(0, 400, 8)}).tolist() == [0] * 5
    found = floor.learn({(k, k + 4): shown(4) for k in range(0, 400, 4)})
    assert found == pytest.approx(noise, abs=0.004)
    floor.begin()
    assert floor.learn({(0, 8): shown(8)}) == pytest.approx(found)


def test_what_is_above_the_floor_counts_alone() -> None:
    seen = LookEvidence(0.5, 0.1, 0, 0)
    assert seen.above(np.zeros(5), 3) == pytest.approx(seen.loss)
    assert seen.above(np.array([1.0, 1, 0, 0, 0]), 3) == 0
    assert seen.above(np.array([0.1, 1, 0, 0, 0]), 3) == pytest.approx(WEIGHTS[0] * 0.2)
