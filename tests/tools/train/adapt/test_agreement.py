"""Agreement with pieces of tracks: by hand, and against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.train.adapt.agreement import association_accuracy
from tracker.types import Int64

TOGETHER = np.array([[0, 9], [0, 9], [0, 9]])


def ids(*values: int) -> Int64:
    return np.array(values, np.int64)


def test_tracks_that_follow_the_parts_are_perfect() -> None:
    assert association_accuracy(ids(0, 1, 0, 1), ids(7, 5, 7, 5), TOGETHER) == 1


def test_swap_costs_what_it_mixes() -> None:
    # each piece in two tracks of two detections: 2 / (2 + 2 missed + 2 of the other piece)
    assert association_accuracy(ids(0, 0, 1, 1, 0, 0, 1, 1), ids(4, 4, 5, 5, 5, 5, 4, 4), TOGETHER) == pytest.approx(
        1 / 3
    )


def test_detection_without_a_track_counts_as_missed() -> None:
    assert association_accuracy(ids(0, 0, 0, 0), ids(3, 3, -1, -1), TOGETHER) == pytest.approx(0.25)


def test_track_that_joins_parts_of_different_times_is_no_error() -> None:
    pieces, track = ids(0, 0, 1, 1), ids(4, 4, 4, 4)
    assert association_accuracy(pieces, track, np.array([[0, 3], [5, 9]])) == 1
    assert association_accuracy(pieces, track, np.array([[0, 6], [5, 9]])) == pytest.approx(0.5)


@given(st.integers(0, 2**32))
def test_accuracy_is_that_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = list(zip(*rng.integers([[0], [-1]], 4, (2, int(rng.integers(1, 30)))).tolist(), strict=True))
    spans = np.sort(rng.integers(0, 10, (4, 2)), axis=1)
    total = 0.0
    for piece, track in rows:
        if track < 0:
            continue
        right = sum(p == piece and t == track for p, t in rows)
        missed = sum(p == piece and t != track for p, t in rows)
        wrong = sum(
            p != piece and t == track and spans[p][0] <= spans[piece][1] and spans[piece][0] <= spans[p][1]
            for p, t in rows
        )
        total += right / (right + missed + wrong)
    piece, track = np.array(rows).T
    assert association_accuracy(piece, track, spans) == pytest.approx(total / len(rows))
