"""The reported class: the likeliest, changed only on clear evidence."""

from __future__ import annotations

import numpy as np

from tracker.classification.hysteresis import SWITCH_RATIO, apply_hysteresis


def test_first_label_is_the_likeliest_and_a_switch_needs_clear_evidence() -> None:
    p = np.array([[0.2, 0.5, 0.3]] * 4, np.float32)
    assert apply_hysteresis(np.array([-1, 0, 1, 2]), p).tolist() == [1, 0, 1, 2]  # .5 is less than 3 times .2 and .3
    clear = np.array([[0.2, 0.2 * SWITCH_RATIO, 0.2]], np.float32)
    assert apply_hysteresis(np.array([0]), clear).tolist() == [1]


def test_equally_likely_classes_do_not_alternate() -> None:
    rng = np.random.default_rng(0)
    said, changes = np.array([-1]), 0
    for _ in range(200):
        p = 0.5 + 0.2 * rng.uniform(-1, 1)
        before = said
        said = apply_hysteresis(said, np.array([[p, 1 - p]], np.float32))
        changes += int(before[0] >= 0 and said[0] != before[0])
    assert changes == 0


def test_hysteresis_accepts_zero_tracks() -> None:
    assert apply_hysteresis(np.zeros(0, np.int64), np.zeros((0, 5), np.float32)).shape == (0,)
