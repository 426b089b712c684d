"""The doubt queue: what is asked, in which order, with which answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DataError
from tests.support.doubtful_tracks import crossing_pair, view_of, walker
from tracker.review.chances import crossing_chance
from tracker.review.continuations import pair_key
from tracker.review.moments import moments_of
from tracker.review.questions import crossing_between, questions, queue


def test_crossing_offers_to_keep_to_swap_and_to_split() -> None:
    first = questions(view_of(crossing_pair()))[0]
    assert (first.kind, first.tracks, first.frame) == ("crossing", (1, 2), 200)
    assert [one.key for one in first.options] == ["keep", "swap-2", "take-2", "give-2", "split"]
    assert first.options[1].operation == ("swap", {"track": 1, "other": 2, "frame": 200})
    assert sum(one.probability for one in first.options) == pytest.approx(1)
    assert first.first < 200 < first.last


def test_what_one_side_leaves_in_doubt_is_named() -> None:
    options = {one.key: one.doubtful for one in questions(view_of(crossing_pair()))[0].options}
    assert (options["swap-2"], options["take-2"], options["give-2"]) == ((), (2,), (1,))


def test_longer_tracks_and_larger_doubts_come_first() -> None:
    near_end = walker(0, 399, 100, 0.0, {390: 0.4})
    sure = walker(0, 399, 900, 0.0, {200: 0.03})
    doubtful = walker(0, 399, 1800, 0.0, {200: 0.4})
    found = [one.tracks[0] for one in questions(view_of({1: near_end, 2: sure, 3: doubtful})) if one.kind == "crossing"]
    assert found == [3, 2, 1]


def test_doubts_within_half_a_second_are_one_moment() -> None:
    moments = moments_of(walker(0, 399, 0, 0.0, {100: 0.1, 105: 0.5, 108: 0.2, 140: 0.1}))
    assert moments.before.tolist() == [99, 139]
    assert moments.after.tolist() == [108, 140]
    assert moments.weakest.tolist() == [105, 140]


def test_link_that_is_known_to_be_wrong_is_asked_alone_and_at_once() -> None:
    found = questions(view_of({1: walker(0, 399, 0, 0.0, {100: 1.0, 103: 0.5})}))[0]
    assert (found.frame, found.chance, found.settled) == (100, 1.0, (100, 100))


def test_questions_of_one_frame_have_keys_of_their_own_without_detections() -> None:
    tracks = {1: walker(0, 100, 100), 2: walker(0, 100, 400)}
    tracks |= {k: walker(120, 399, 100 + 60 * k, 0.0, {200: 0.4}) for k in range(3, 8)}
    found = questions(view_of(tracks))
    assert len(found) > 5
    assert len({one.key for one in found}) == len(found)
    assert [one.key for one in questions(view_of(tracks))] == [one.key for one in found]
    answered = frozenset(found[0].options[0].said)
    assert answered
    assert [one.key for one in questions(view_of(tracks, answered))] == [one.key for one in found[1:]]


def test_track_that_starts_late_may_continue_one_that_ended() -> None:
    tracks = {1: walker(0, 100, 100, 0.0, detection=0), 2: walker(120, 399, 100, 0.0, detection=200)}
    found = next(one for one in questions(view_of(tracks)) if one.kind == "return")
    assert [one.key for one in found.options] == ["keep", "join-1"]
    assert found.options[1].operation == ("join", {"track": 1, "other": 2, "prefer": "track"})
    assert found.options[0].said == (pair_key(tracks[1], tracks[2]),) == ("two:100-200",)
    assert not [one for one in questions(view_of(tracks, frozenset(found.options[0].said))) if one.kind == "return"]


def test_tracks_that_are_seen_together_are_not_offered_as_one() -> None:
    tracks = {1: walker(0, 250, 100), 2: walker(50, 399, 200)}
    assert not [one for one in questions(view_of(tracks)) if one.kind == "return"]


def test_two_boxes_of_one_object_are_offered_as_one() -> None:
    tracks = {1: walker(0, 250, 100), 2: walker(50, 399, 105)}
    found = next(one for one in questions(view_of(tracks)) if one.kind == "return")
    assert [one.key for one in found.options] == ["keep", "join-1"]


def test_weak_short_track_may_be_deleted() -> None:
    tracks = {1: walker(0, 399, 100), 2: walker(50, 53, 300, score=0.4)}
    found = next(one for one in questions(view_of(tracks)) if one.kind == "short")
    assert found.options[1].operation == ("delete", {"track": 2})
    said = frozenset(found.options[0].said)
    assert not [one for one in questions(view_of(tracks, said)) if one.kind == "short" and one.tracks == (2,)]


def test_weak_track_that_lasts_may_be_deleted_and_a_sure_one_is_not_asked_about() -> None:
    tracks = {1: walker(0, 399, 100), 2: walker(0, 99, 900, score=0.2)}
    found = [one for one in questions(view_of(tracks)) if one.kind == "short"]
    assert [(one.tracks, one.options[1].key) for one in found] == [((2,), "delete")]


def test_nothing_is_asked_where_a_person_has_seen_every_link() -> None:
    rows = walker(0, 399, 100)
    rows.link[:] = 1
    assert not [one for one in questions(view_of({1: rows})) if one.kind in ("crossing", "track")]


def test_counter_counts_doubts_above_five_percent() -> None:
    found = queue(view_of(crossing_pair()), limit=1)
    assert len(found.questions) == 1
    assert found.remaining >= 3  # two moments, and the strips of both tracks


def test_person_may_ask_about_any_stretch_of_a_track() -> None:
    found = crossing_between(view_of(crossing_pair()), 1, 190, 210)
    assert (found.frame, found.chance) == (200, 1.0)
    with pytest.raises(DataError, match="no boxes on both sides"):
        crossing_between(view_of(crossing_pair()), 1, 390, 450)


def test_question_moves_to_the_frame_that_a_person_chose() -> None:
    moved = questions(view_of(crossing_pair()))[0].at(204)
    assert {one.operation[1]["frame"] for one in moved.options if one.operation} == {204}


def test_keys_do_not_depend_on_ids_or_other_tracks() -> None:
    pair = crossing_pair()
    named = {one.key for one in questions(view_of({1: pair[1]}))}
    assert named == {one.key for one in questions(view_of({7: pair[1]}))}
    assert named <= {one.key for one in questions(view_of({7: pair[1], 9: pair[2]}))}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_chance_is_a_probability_that_falls_with_the_link(links: list[float]) -> None:
    chance = crossing_chance(np.sort(np.array(links)), np.ones(len(links)))
    assert ((chance >= 0) & (chance <= 1)).all()
    assert (np.diff(chance) <= 1e-12).all()
