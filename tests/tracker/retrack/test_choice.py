"""Which of two runs is believed where they disagree."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.retrack.choice import believed
from tracker.types import Float64

COUNT = 20
TIME = np.arange(COUNT + 2) * 0.1


def path(x: Float64 | float) -> Float64:
    """(P, 4) boxes of 40 x 100 pixels whose left edges are `x`."""
    left = np.broadcast_to(np.asarray(x, np.float64), COUNT + 2)
    return np.stack([left, np.full_like(left, 50), left + 40, np.full_like(left, 150)], axis=1)


def decide(forwards: Float64, backwards: Float64, truth: Float64) -> tuple[list[int], list[int]]:
    """The frames (0..P-1) in which either run is believed."""
    here, there = believed(TIME, truth[0], truth[-1], forwards[1:-1], backwards[1:-1], np.full((2, COUNT), 0.7))
    return np.flatnonzero(here).tolist(), np.flatnonzero(there).tolist()


def test_run_that_jumps_onto_a_neighbour_is_left_where_it_jumps() -> None:
    truth = path(3.0 * np.arange(COUNT + 2))
    strays = truth.copy()
    strays[12:] += [80, 0, 80, 0]
    here, there = decide(strays, truth, truth)
    assert max(here) < 12
    assert set(range(11, COUNT)) <= set(there)


def test_run_backwards_that_strays_is_left_too() -> None:
    truth = path(3.0 * np.arange(COUNT + 2))
    strays = truth.copy()
    strays[:8] -= [80, 0, 80, 0]
    here, there = decide(truth, strays, truth)
    assert min(there) >= 7
    assert set(range(7)) <= set(here)


def test_neither_run_is_believed_between_two_jumps() -> None:
    """Both runs follow other things in the middle, which is left to the smoother."""
    truth = path(0.0)
    forwards, backwards = truth.copy(), truth.copy()
    forwards[8:] += [90, 0, 90, 0]
    backwards[:14] -= [90, 0, 90, 0]
    here, there = decide(forwards, backwards, truth)
    assert max(here) == 6
    assert min(there) == 13


def test_frames_without_the_object_are_never_believed() -> None:
    truth = path(0.0)
    holes = truth.copy()
    holes[5:9] = np.nan
    here, there = decide(holes, holes, truth)
    assert not {4, 5, 6, 7} & {*here, *there}
    assert {*here, *there} == {*range(4), *range(8, COUNT)}


def test_runs_that_are_lost_for_very_long_are_believed_up_to_there() -> None:
    count = 9000
    time = np.arange(count + 2) * 0.04
    box = np.array([10.0, 50, 50, 150])
    runs = [np.full((count, 4), np.nan) for _ in range(2)]
    runs[0][:300] = runs[1][-200:] = box
    here, there = believed(time, box, box, runs[0], runs[1], np.full((2, count), 0.7))
    assert np.flatnonzero(here).tolist() == list(range(300))
    assert np.flatnonzero(there).tolist() == list(range(count - 200, count))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), lost=st.floats(0, 1))
def test_believed_frames_of_both_runs_never_cross(seed: int, lost: float) -> None:
    """The run forwards is believed before the run backwards, whatever they show."""
    rng = np.random.default_rng(seed)
    runs = [path(rng.normal(0, 30, COUNT + 2).cumsum()) for _ in range(2)]
    for run in runs:
        run[rng.random(COUNT + 2) < lost] = np.nan
    truth = path(0.0)
    here, there = decide(*runs, truth)
    assert not here or not there or max(here) < min(there)
