"""Constraints read together: contradictions are named; pieces are cut where they are most doubtful."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import DataError
from tracker.offline.constraints.piece_table import PieceTable
from tracker.offline.constraints.statements import Statements
from tracker.offline.types import Constraint

FRAME = np.array([0, 0, 1, 2, 2, 5])
TIMES = np.array([0.0, 0.04, 0.1, 0.13, 0.2, 0.24])


def statements(*said: tuple[int, int, bool]) -> Statements:
    result = Statements.none(FRAME, TIMES)
    for first, second, same in said:
        result = result.extended(Constraint(first, second, same))
    return result


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            [(3, 4, True)],
            "constraint 1 says that detections [34] and [34] are the same object, but both are in frame 2 "
            r"\(0.100 s\); remove it.",
        ),
        (
            [(3, 5, True), (0, 2, False), (5, 4, True)],
            "constraints 1 and 3 say that detections 3 and 4 are the same object, but both are in frame 2 "
            r"\(0.100 s\); remove one of them.",
        ),
        (
            [(0, 2, True), (2, 5, True), (5, 0, False)],
            r"constraint 3 says that detection 5 \(frame 5, 0.240 s\) and detection 0 \(frame 0, 0.000 s\) are "
            "different objects, but constraints 1 and 2 say that they are the same; remove one of these constraints.",
        ),
        (
            [(0, 5, False), (0, 2, True), (2, 5, True)],
            r"constraint 1 says that detection 0 .* and detection 5 .* are different objects, but "
            "constraints 2 and 3 say",
        ),
        (
            [(2, 5, True), (5, 2, False)],
            "constraint 2 says .* are different objects, but constraint 1 says that they are",
        ),
        ([(2, 2, False)], r"constraint 1 says that detection 2 \(frame 1, 0.040 s\) differs from itself; remove it."),
        ([(2, 6, True)], "constraint 1 names detection 6, but there are 6; give rows from 0 to 5."),
        ([(0, 2, True), (-1, 2, False)], "constraint 2 names detection -1, but there are 6; give rows from 0 to 5."),
    ],
)
def test_contradictions_are_named(said: list[tuple[int, int, bool]], message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        statements(*said)


def test_constraint_about_nothing_is_refused() -> None:
    none = np.zeros(0, np.int64)
    with pytest.raises(DataError, match="names detection 0, but there are none; remove it"):
        Statements.none(none, np.zeros(0)).extended(Constraint(0, 1, True))


def test_same_object_is_transitive_and_one_frame_tells_apart() -> None:
    said = statements((5, 2, True), (2, 0, True), (1, 3, True))
    assert said.rows_of(0).tolist() == [0, 2, 5]
    assert said.group_of(5) == 0
    assert said.rows_of(1).tolist() == [1, 3]
    assert said.different == {0: {1}, 1: {0}}  # 0 and 1 are seen in one frame
    with pytest.raises(DataError, match="constraints 1, 2, 3 and 4 say that detections 0 and 1 are the same"):
        said.extended(Constraint(5, 3, True))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.booleans()), max_size=12))
def test_what_is_accepted_can_be_true(said: list[tuple[int, int, bool]]) -> None:
    """Groups found by closure: no accepted statement is false, and every refused one would be."""
    frame = np.arange(12) // 2
    accepted = Statements.none(frame, np.arange(6.0))
    kept: list[tuple[int, int, bool]] = []
    for one in said:
        together = np.eye(12, dtype=bool)
        for first, second, same in [*kept, one]:
            if same:
                together[first, second] = together[second, first] = True
        for _ in range(4):
            together = together @ together
        clash = (together & (frame[:, None] == frame) & ~np.eye(12, dtype=bool)).any()
        clash |= any(together[first, second] for first, second, same in [*kept, one] if not same)
        if clash:
            with pytest.raises(DataError):
                accepted.extended(Constraint(*one))
            continue
        accepted = accepted.extended(Constraint(*one))
        kept.append(one)
        group = dict(zip(accepted.row.tolist(), accepted.group.tolist(), strict=True))
        assert all((group[a] == group[b]) == together[a, b] for a in group for b in group)


def table_of(frame: list[int], piece: list[int], cost: list[float]) -> PieceTable:
    return PieceTable.of(np.array(frame), np.array(piece), np.array(cost))


def test_piece_is_cut_where_it_is_most_doubtful() -> None:
    table = table_of([0, 1, 2, 3, 4, 5], [0] * 6, [np.nan, 3, 1, 0.5, 1, 0.1])
    assert table.weakest_between(0, 4) == 3
    assert table.weakest_between(0, 5) == 5
    cut = table.cut(3)
    assert (cut.first.tolist(), cut.last.tolist()) == ([0, 3], [2, 5])
    assert cut.piece_of(np.arange(6)).tolist() == [0, 0, 0, 1, 1, 1]
    assert cut.cut(1).piece_of(np.arange(6)).tolist() == [0, 2, 2, 1, 1, 1]
    assert table_of([0, 1, 2, 3, 4], [0] * 5, [np.nan, 1, 1, 1, 1]).weakest_between(0, 4) in (2, 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_overlapping_pieces_are_brought_in_order_at_the_least_cost(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spans = [np.flatnonzero(rng.random(12) < 0.7), np.flatnonzero(rng.random(12) < 0.7)]
    spans = [np.r_[0, spans[0][spans[0] > 0]], np.r_[spans[1][spans[1] < 11], 11]]
    frame, piece = np.concatenate(spans), np.repeat([0, 1], [len(part) for part in spans])
    table = PieceTable.of(frame, piece, rng.normal(1, 1, len(frame)))
    before, after = int(rng.integers(len(spans[0]))), int(len(spans[0]) + rng.integers(len(spans[1])))
    if table.frame[before] >= table.frame[after]:
        return
    cuts = table.cuts_in_order(before, after)
    best = np.inf
    for end in range(before + 1, len(spans[0]) + 1):
        for begin in range(len(spans[0]), after + 1):
            if table.frame[end - 1] < table.frame[begin]:
                cost = 0.0 if end == len(spans[0]) else table.cut_cost[end]
                best = min(best, cost + (0.0 if begin == len(spans[0]) else table.cut_cost[begin]))
    assert table.cut_cost[cuts].sum() == pytest.approx(best)
    for place in cuts:
        table = table.cut(place)
    p, q = table.piece_at(np.array([before, after]))
    assert table.last[p] < table.first[q]


@pytest.mark.parametrize(
    ("frame", "piece", "cost", "message"),
    [
        ([0, 1], [0, 2], [0.0, 0.0], "piece 1 has no detection; number the pieces without gaps"),
        ([3, 3], [0, 0], [0.0, 0.0], "detections 0 and 1 of piece 0 are both in frame 3"),
        ([3, 4], [0, 0], [0.0, np.nan], "the cut_cost of detection 1 is nan"),
    ],
)
def test_bad_pieces_are_refused(frame: list[int], piece: list[int], cost: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        table_of(frame, piece, cost)
