"""Stretches of a track that may show nothing: which are asked about, and with which answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.doubtful_tracks import view_of, walker
from tracker.review.certain import certain_ranges
from tracker.review.questions import questions
from tracker.review.stretches import LEAST_S, NOTHING_SEEN, SeenStretches, stretches_of
from tracker.review.types import AnswerHistory, Question, TrackRows


def weak(low: int, high: int, score: float = 0.3, detection: int = 0) -> TrackRows:
    """A sure track in frames 0..399, but for weak scores in frames low..high."""
    rows = walker(0, 399, 100, 1.0, detection=detection)
    rows.score[low : high + 1] = score
    return rows


def asked(rows: TrackRows, answered: frozenset[str] = frozenset()) -> list[Question]:
    return [one for one in questions(view_of({1: rows}, answered)) if one.kind == "stretch"]


@pytest.mark.parametrize(
    ("low", "high", "frame", "cuts"),
    [
        (300, 399, 300, {"rest": {"first": 300}}),
        (0, 99, 100, {"start": {"last": 99}}),
        (100, 199, 100, {"part": {"first": 100, "last": 199}, "rest": {"first": 100}, "start": {"last": 199}}),
    ],
)
def test_weak_stretch_may_be_cut_off(low: int, high: int, frame: int, cuts: dict[str, dict[str, int]]) -> None:
    (found,) = asked(weak(low, high))
    assert (found.frame, found.tracks, found.settled) == (frame, (1,), None)
    assert found.first <= low < high <= found.last
    assert {one.key: one.operation for one in found.options} == {
        "keep": None,
        **{key: ("delete", {"track": 1, **frames}) for key, frames in cuts.items()},
    }
    assert sum(one.probability for one in found.options) == pytest.approx(1)


def test_weak_end_is_asked_before_a_weak_middle_and_a_long_one_before_a_short_one() -> None:
    tracks = {1: weak(340, 399), 2: weak(100, 159), 3: weak(240, 399)}
    found = [one.tracks[0] for one in questions(view_of(tracks)) if one.kind == "stretch"]
    assert found == [3, 1, 2]


def test_scores_that_are_usual_for_a_track_are_not_asked_about() -> None:
    assert asked(walker(0, 399, 100, score=0.3)) == []
    assert asked(weak(300, 399, score=0.7)) == []
    assert asked(weak(300, 303)) == []  # too short


def test_kept_stretch_is_not_asked_again_also_where_the_track_goes_on_differently() -> None:
    rows = weak(300, 399)
    (found,) = asked(rows)
    answered = frozenset(found.options[0].said)
    assert asked(rows, answered) == []
    assert asked(rows.part(slice(250, None)), answered) == []
    assert asked(rows.part(slice(0, 350)), answered) == []
    assert asked(rows.part(slice(320, None)), answered) == []
    rows.score[100:150] = 0.3  # a new doubt beside it
    assert [one.frame for one in asked(rows.part(slice(None)), answered)] == [100]


def test_stretch_without_detections_has_a_key_of_its_own_and_is_not_asked_again() -> None:
    rows = weak(300, 399, detection=-1)
    (found,) = asked(rows)
    assert asked(rows, frozenset(found.options[0].said)) == []
    other = replace(rows, xyxy=rows.xyxy + 3)
    assert asked(other, frozenset(found.options[0].said)) != []


def test_nothing_is_asked_where_a_person_has_seen_every_link() -> None:
    rows = weak(300, 399)
    rows.link[:] = 1
    assert asked(rows) == []


def test_cut_moves_to_the_frame_that_a_person_chose() -> None:
    def given_at(low: int, high: int, frame: int) -> dict[str, dict[str, int]]:
        (found,) = asked(weak(low, high))
        return {one.key: dict(one.operation[1]) for one in found.at(frame).options if one.operation}

    assert given_at(300, 399, 310) == {"rest": {"track": 1, "first": 310}}
    assert given_at(0, 99, 90) == {"start": {"track": 1, "last": 89}}
    assert given_at(100, 199, 110)["part"] == {"track": 1, "first": 110, "last": 199}
    assert given_at(100, 199, 250)["part"] == {"track": 1, "first": 199, "last": 199}


def test_track_that_goes_on_beyond_the_part_in_hand_is_not_cut_there() -> None:
    view = replace(view_of({1: weak(300, 399)}), within=(0, 399), going=frozenset({1}))
    (found,) = (one for one in questions(view) if one.kind == "stretch")
    assert [one.key for one in found.options] == ["keep", "part", "start"]
    beside = replace(view, within=(0, 200))
    assert not [one for one in questions(beside) if one.kind == "stretch"]


def test_stretch_that_may_show_nothing_is_not_certain_until_it_is_kept() -> None:
    rows = weak(100, 199)
    assert certain_ranges(rows) == [(0, 99), (200, 399)]
    (found,) = asked(rows)
    assert certain_ranges(rows, SeenStretches.of(found.options[0].said)) == [(0, 399)]


def test_chance_follows_what_was_answered() -> None:
    view = view_of({1: weak(300, 399)})
    before = asked(weak(300, 399))[0].chance
    answers = {"stretch": AnswerHistory(8, 2.0, 0)}
    after = next(one for one in questions(replace(view, answers=answers)) if one.kind == "stretch")
    assert after.chance < 0.7 * before


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=80), st.data())
def test_stretches_lie_apart_in_the_track_and_never_where_the_object_was_seen(
    scores: list[float], data: st.DataObject
) -> None:
    rows = replace(walker(0, len(scores) - 1, 0, detection=7), score=np.array(scores, np.float32))
    found = stretches_of(rows, NOTHING_SEEN)
    assert (found.first <= found.last).all()
    assert (found.first[1:] > found.last[:-1]).all()
    assert (found.seconds >= LEAST_S - 1e-9).all()
    assert not len(found) or (found.first[0] >= 0 and found.last[-1] < len(rows))
    low = data.draw(st.integers(0, len(scores) - 1))
    high = data.draw(st.integers(low, len(scores) - 1))
    seen = SeenStretches.of([f"stretch:{rows.name(low)}-{rows.name(high)}", "short:7-9", "stretch:8-x"])
    left = stretches_of(rows, seen)
    assert not ((left.first <= high) & (left.last >= low)).any()
