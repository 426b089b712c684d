"""The schedule that decides frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.schedule.config import LooksConfig
from tracker.schedule.online import DRIFT, OnlineSchedule, Outlook

APART = np.array([[0.0, 0, 40, 100], [200, 0, 240, 100]])
TOUCHING = np.array([[0.0, 0, 40, 100], [20, 0, 60, 100]])


def outlook(spread: float = 0.1, boxes: np.ndarray = APART) -> Outlook:
    return Outlook(boxes, np.full(len(boxes), spread))


def test_wide_predictions_and_near_ones_cost_more() -> None:
    assert outlook(0.2).loss > outlook(0.1).loss
    assert outlook(boxes=TOUCHING).loss > outlook().loss
    assert Outlook(np.zeros((0, 4)), np.zeros(0)).loss == 0


@settings(max_examples=40, deadline=None)
@given(st.floats(0.03, 0.9), st.lists(st.floats(0.001, 1), min_size=60, max_size=300), st.integers(0, 9))
def test_a_budget_is_kept_within_the_drift(share: float, spreads: list[float], seed: int) -> None:
    times = np.cumsum(np.random.default_rng(seed).uniform(0.01, 0.2, len(spreads)))
    schedule, looks = OnlineSchedule(LooksConfig(repr(share))), 0
    for k, (time, spread) in enumerate(zip(times.tolist(), spreads, strict=True), 1):
        looks += schedule.due(time, outlook(spread))
        assert abs(looks - share * k) <= DRIFT + 1


def test_looks_gather_where_predictions_are_in_doubt() -> None:
    schedule, chosen = OnlineSchedule(LooksConfig("0.2")), []
    for k in range(400):
        doubtful = (k // 50) % 2
        chosen.append(schedule.due(k / 30, outlook(0.3 if doubtful else 0.05, TOUCHING if doubtful else APART)))
    often = np.reshape(chosen, (8, 50)).mean(axis=1)
    assert np.mean(often[3::2]) > 1.3 * np.mean(often[2::2])


def test_the_first_frame_is_always_looked_at() -> None:
    for looks in ("0.01", "1/s", "auto"):
        assert OnlineSchedule(LooksConfig(looks)).due(5.0, outlook(0.0))


def test_auto_waits_no_longer_than_a_newcomer_may() -> None:
    schedule = OnlineSchedule(LooksConfig("auto", newcomer=0.5))
    times = [k / 30 for k in range(120) if schedule.due(k / 30, outlook(0.0))]
    assert np.diff(times) == pytest.approx(0.5)


def test_looks_a_second_count_in_seconds() -> None:
    schedule = OnlineSchedule(LooksConfig("5/s"))
    looks = sum(schedule.due(k / 50, outlook()) for k in range(500))
    assert abs(looks - 50) <= DRIFT + 1
