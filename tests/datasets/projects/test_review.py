"""Answers to the doubt queue in a project: one entry of the journal each, which undo takes back."""

from __future__ import annotations

from pathlib import Path as FilePath

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.projects import Project, Provenance
from datasets.projects.operations import run
from datasets.projects.review import ProjectReview, answer, answer_edit, questions_of
from models.errors import DataError
from tests.support.doubtful_tracks import crossing_pair, project_of, walker
from tests.support.projects import content
from tracker.review.types import Question, TrackRows


def crossing(project: Project) -> Question:
    return next(one for one in questions_of(project) if one.kind == "crossing")


def test_swap_exchanges_and_settles_the_moment(tmp_path: FilePath) -> None:
    with project_of(tmp_path / "p", crossing_pair()) as project:
        before = content(project)
        asked = crossing(project)
        entry = answer(project, asked, "swap-2", "ann")
        assert (entry.kind, entry.tracks) == ("answer", (1, 2))
        assert project.track(1)[1].xyxy[300, 0] == 500 - 300
        assert len(project.constraints()) == 4
        assert asked.key not in {one.key for one in questions_of(project)}
        assert not [one for one in questions_of(project) if one.kind == "crossing"]
        project.undo("ann")
        assert content(project) == before
        assert crossing(project).key == asked.key


def test_keep_changes_only_what_is_known_of_links(tmp_path: FilePath) -> None:
    with project_of(tmp_path / "p", crossing_pair()) as project:
        asked = crossing(project)
        rows = project.track(1)[1]
        answer(project, asked, "keep", "ann")
        after = project.track(1)[1]
        assert after.link[200] == 1 > rows.link[200]
        assert np.array_equal(after.xyxy, rows.xyxy)
        assert np.array_equal(after.provenance, rows.provenance)
        assert asked.key not in {one.key for one in questions_of(project)}


def test_take_leaves_the_other_track_to_be_asked_next(tmp_path: FilePath) -> None:
    with project_of(tmp_path / "p", crossing_pair()) as project:
        answer(project, crossing(project), "take-2", "ann")
        following = questions_of(project)[0]
        assert (following.kind, following.tracks[0], following.frame, following.chance) == ("crossing", 2, 200, 1.0)


def test_refused_return_is_asked_again_only_after_undo(tmp_path: FilePath) -> None:
    tracks = {1: walker(0, 100, 100), 2: walker(120, 399, 100)}
    with project_of(tmp_path / "p", tracks) as project:
        review = ProjectReview(project)
        asked = next(one for one in review.queue().questions if one.kind == "return")
        answer(project, asked, "keep", "ann")
        assert "return" not in {one.kind for one in review.queue().questions}
        project.undo("ann")
        assert "return" in {one.kind for one in review.queue().questions}
        project.redo("ann")
        assert "return" not in {one.kind for one in review.queue().questions}


def test_return_joins_under_the_earlier_id(tmp_path: FilePath) -> None:
    tracks = {1: walker(0, 100, 100), 2: walker(120, 399, 100)}
    with project_of(tmp_path / "p", tracks) as project:
        asked = next(one for one in questions_of(project) if one.kind == "return")
        answer(project, asked, "join-1", "ann")
        assert [track.id for track in project.tracks()] == [1]


def test_accepted_strip_marks_the_track_and_asks_no_more_about_it(tmp_path: FilePath) -> None:
    with project_of(tmp_path / "p", crossing_pair()) as project:
        asked = next(one for one in questions_of(project) if one.kind == "track" and one.tracks == (1,))
        answer(project, asked, "keep", "ann")
        assert project.meta(1).accepted
        assert not [one for one in questions_of(project) if one.tracks[0] == 1 and one.kind != "short"]


def test_nothing_is_asked_about_locked_tracks(tmp_path: FilePath) -> None:
    with project_of(tmp_path / "p", crossing_pair()) as project:
        project.apply(run(project, "lock", {"track": 2, "locked": True}), "ann")
        assert {one.tracks for one in questions_of(project) if one.kind == "crossing"} == {(1,)}


def test_stale_question_and_unknown_option_are_refused(tmp_path: FilePath) -> None:
    with project_of(tmp_path / "p", crossing_pair()) as project:
        asked = crossing(project)
        with pytest.raises(DataError, match="has no option 'merge'"):
            answer(project, asked, "merge", "ann")
        review = ProjectReview(project)
        answer(project, asked, "keep", "ann")
        with pytest.raises(DataError, match="answered already"):
            review.question(asked.key)


def test_queue_that_follows_a_project_is_that_of_a_fresh_one(tmp_path: FilePath) -> None:
    tracks = {**crossing_pair(), 3: walker(0, 90, 900), 4: walker(110, 399, 905, doubt={200: 0.2})}
    with project_of(tmp_path / "p", tracks) as project:
        review = ProjectReview(project)
        for _ in range(8):
            found = review.queue().questions
            assert found == questions_of(project)
            if not found:
                break
            keys = [one.key for one in found[0].options]
            answer(project, found[0], keys[min(1, len(keys) - 1)], "ann")
        project.undo("ann")
        assert review.queue().questions == questions_of(project)


def test_certain_boxes_are_accepted_at_once_and_doubtful_ones_are_not(tmp_path: FilePath) -> None:
    tracks = {1: walker(0, 399, 100, 0.0, {200: 0.4, 205: 0.4}), 2: walker(0, 5, 900)}
    with project_of(tmp_path / "p", tracks) as project:
        review = ProjectReview(project)
        assert (review.certain(1), review.certain(2)) == ([(0, 199), (205, 399)], [])
        project.apply(review.accept_certain(), "ann")
        rows = project.track(1)[1]
        assert set(rows.frame[rows.provenance != Provenance.CONFIRMED].tolist()) == set(range(200, 205))
        project.undo("ann")
        assert not (project.track(1)[1].provenance == Provenance.CONFIRMED).any()


def test_chances_follow_how_often_answers_changed_something(tmp_path: FilePath) -> None:
    tracks = {k: walker(0, 399, 300 * k, 0.0, {200: 0.4}) for k in range(1, 9)}
    with project_of(tmp_path / "p", tracks) as project:
        review = ProjectReview(project)
        first = next(one for one in review.queue().questions if one.kind == "crossing")
        for _ in range(6):
            answer(project, next(one for one in review.queue().questions if one.kind == "crossing"), "keep", "ann")
        last = next(one for one in review.queue().questions if one.kind == "crossing")
        assert last.chance < 0.7 * first.chance


def weak_tail() -> dict[int, TrackRows]:
    """A track that stands still with weak scores from frame 300 on, and another one."""
    rows = walker(0, 399, 100, 1.0)
    rows.xyxy[300:] = rows.xyxy[300]
    rows.score[300:] = 0.3
    return {1: rows, 2: walker(0, 399, 900)}


def stretch(project: Project) -> Question | None:
    return next((one for one in questions_of(project) if one.kind == "stretch"), None)


def test_rest_that_shows_nothing_is_cut_off_for_good(tmp_path: FilePath) -> None:
    with project_of(tmp_path / "p", weak_tail()) as project:
        before, found = content(project), stretch(project)
        assert found is not None
        assert [one.key for one in found.options] == ["keep", "rest"]
        entry = answer(project, found, "rest", "ann")
        assert (entry.kind, entry.tracks, entry.parameters["kind"]) == ("answer", (1,), "stretch")
        rows = project.track(1)[1]
        assert rows.frame.tolist() == list(range(300))
        (said,) = project.constraints()  # what is solved again later does not join them again
        last, first = (int(project.detections().frame[k]) for k in (said.first, said.second))
        assert (last, first, said.same) == (299, 300, False)
        assert stretch(project) is None
        project.undo("ann")
        assert content(project) == before
        assert not project.constraints()
        again = stretch(project)
        assert again is not None
        assert again.key == found.key
        project.redo("ann")
        assert project.track(1)[1].frame.tolist() == list(range(300))


def test_certain_boxes_are_accepted_without_a_stretch_that_is_still_in_doubt(tmp_path: FilePath) -> None:
    with project_of(tmp_path / "p", weak_tail()) as project:
        review = ProjectReview(project)
        assert review.certain_share() == 700 / 800
        project.apply(review.accept_certain(), "ann")
        assert project.track(1)[1].key.tolist() == [True] * 300 + [False] * 100
        found = stretch(project)
        assert found is not None
        answer(project, found, "keep", "ann")
        project.apply(review.accept_certain(), "ann")
        assert project.track(1)[1].key.all()


def test_middle_is_removed_without_being_filled_again(tmp_path: FilePath) -> None:
    tracks = {1: walker(0, 399, 100, 1.0)}
    tracks[1].score[100:130] = 0.3
    with project_of(tmp_path / "p", tracks) as project:
        found = stretch(project)
        assert found is not None
        project.apply(answer_edit(project, found, "part", fill=5.0), "ann")
        assert set(range(400)) - set(project.track(1)[1].frame.tolist()) == set(range(100, 130))
        assert len(project.constraints()) == 2


def test_kept_and_confirmed_stretches_are_not_asked_about(tmp_path: FilePath) -> None:
    with project_of(tmp_path / "p", weak_tail()) as project:
        before, found = content(project), stretch(project)
        assert found is not None
        answer(project, found, "keep", "ann")
        assert content(project) == before
        assert stretch(project) is None
        project.undo("ann")
        assert stretch(project) is not None
        project.apply(run(project, "accept", {"track": 1, "first": 300, "last": 399}), "ann")
        assert stretch(project) is None


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 390), st.integers(8, 120)), min_size=1, max_size=3),
    st.integers(0, 3),
    st.one_of(st.none(), st.integers(1, 398)),
)
def test_any_cut_and_its_undo_give_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, weak: list[tuple[int, int]], option: int, frame: int | None
) -> None:
    rows = walker(0, 399, 100, 1.0)
    for first, count in weak:
        rows.score[first : first + count] = 0.25
    with project_of(tmp_path_factory.mktemp("p") / "p", {1: rows}) as project:
        before = content(project)
        for _ in range(4):
            found = stretch(project)
            if found is None:
                break
            chosen = found.options[min(option, len(found.options) - 1)]
            try:
                answer(project, found if frame is None else found.at(frame), chosen.key, "ann")
            except DataError:  # the chosen frame leaves nothing to delete
                break
            assert found.key not in {one.key for one in questions_of(project)}
        while project.undo("ann") is not None:
            pass
        assert content(project) == before


def test_unknown_links_are_asked_about_as_a_whole_and_make_nothing_certain(tmp_path: FilePath) -> None:
    known, unknown = walker(0, 399, 100), walker(0, 399, 500)
    unknown.link[1:] = np.nan
    with project_of(tmp_path / "p", {1: known, 2: unknown}) as project:
        review = ProjectReview(project)
        assert review.certain(1) == [(0, 399)]
        assert review.certain(2) == []
        assert review.certain_share() == 0.5
        asked = {(one.kind, one.tracks[0]): one for one in review.queue().questions}
        assert asked["track", 2].chance > 0.05
        assert not [key for key in asked if key[0] == "crossing"]
        project.apply(review.accept_certain(), "ann")
        assert project.track(1)[1].key.all()
        assert not project.track(2)[1].key.any()
        answer(project, asked["track", 2], "keep", "ann")  # looked at: now it is known
        assert (project.track(2)[1].link == 1).all()
