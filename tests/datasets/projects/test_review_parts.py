"""The doubt queue of a large recording: part by part, with counts that stay in the project."""

from __future__ import annotations

from pathlib import Path as FilePath

import numpy as np
import pytest

from datasets.projects import Project
from datasets.projects import review_parts as rp
from datasets.projects.operations import run
from datasets.projects.review import ProjectReview, answer
from datasets.projects.review_parts import PartReview, remaining_in
from tests.support.doubtful_tracks import project_of, walker

FRAMES = 4 * 2048
CROSSINGS = (700, 2500, 2600, 7000)  # in the first, second, second and last slot


@pytest.fixture
def path(tmp_path: FilePath) -> FilePath:
    """A project of two people in all frames, and of one who comes in the third slot."""
    tracks = {
        1: walker(0, FRAMES - 1, 100, 0.01, dict.fromkeys(CROSSINGS, 0.6), detection=0),
        2: walker(0, FRAMES - 1, 110, 0.01, detection=FRAMES),
        3: walker(5000, 5400, 140, detection=2 * FRAMES),
    }
    project_of(tmp_path / "p", tracks, FRAMES).close()
    return tmp_path / "p"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each slot of frames is a part."""
    monkeypatch.setattr(rp, "MAX_ROWS", 1000)
    monkeypatch.setattr(rp, "PART_ROWS", 5000)


def crossings(review: PartReview, frame: int | None) -> set[int]:
    return {one.frame for one in review.queue(500, frame).queue.questions if one.kind == "crossing"}


def test_a_small_recording_is_one_part_with_all_questions(path: FilePath) -> None:
    with Project.open(path) as project:
        review = PartReview(project)
        assert review.parts == [(0, FRAMES - 1)]
        whole = ProjectReview(project).queue(500)
        assert [one.key for one in review.queue(500, 3000).queue.questions] == [one.key for one in whole.questions]
        assert review.counted() == (1, whole.remaining)


@pytest.mark.usefixtures("small_parts")
def test_parts_ask_what_happens_in_them_and_together_all(path: FilePath) -> None:
    with Project.open(path) as project:
        whole = ProjectReview(project).queue(500).questions
        review = PartReview(project)
        assert len(review.parts) == 4
        assert [first for first, _ in review.parts] == [0, 2048, 4096, 6144]
        assert [crossings(review, frame) for frame in (0, 2100, 7000)] == [{700}, {2500, 2600}, {7000}]
        found = {one.key for first, _ in review.parts for one in review.queue(500, first).queue.questions}
        # Tracks that go through several parts are not asked about as a whole.
        assert found == {one.key for one in whole if one.kind == "crossing" or one.tracks[0] == 3}
        assert any(one.kind != "crossing" for one in whole)


@pytest.mark.usefixtures("small_parts")
def test_an_empty_part_leads_to_the_next_with_questions(path: FilePath) -> None:
    with Project.open(path) as project:
        review = PartReview(project)
        for question in review.queue(500, 5000).queue.questions:  # of the one who comes
            answer(project, question, "keep", "ann")
        found = review.queue(500, 5000)
        assert found.part == 3
        assert {one.frame for one in found.queue.questions} == {7000}


@pytest.mark.usefixtures("small_parts")
def test_counts_are_kept_and_counted_again_only_where_rows_changed(path: FilePath) -> None:
    with Project.open(path) as project:
        assert remaining_in(project) is None
        review = PartReview(project)
        assert review.counted() == (0, 0)
        steps = 0
        while review.count_next():
            steps += 1
        assert steps == 4
        counted, remaining = review.counted()
        assert counted == 4
        assert remaining >= len(CROSSINGS)
        review.keep()
        seq = project.seq
    with Project.open(path, write=False) as project:
        assert remaining_in(project) == remaining
        assert project.seq == seq  # no entry of the journal
    with Project.open(path) as project:
        review = PartReview(project)
        assert not review.count_next()
        project.apply(run(project, "move", {"track": 2, "frame": 7900, "xyxy": [1, 1, 9, 9]}), "ann")
        assert remaining_in(project) is None
        assert review.counted()[0] == 2  # beside the change, too: they look 20 s further
        assert review.count_next()
        assert review.count_next()
        assert not review.count_next()


@pytest.mark.usefixtures("small_parts")
def test_certain_boxes_are_accepted_within_the_part_alone(path: FilePath) -> None:
    with Project.open(path) as project:
        review = PartReview(project)
        assert review.queue(10, 2100).certain > 0.9
        project.apply(review.review.accept_certain(), "ann")
        key = project.track(2)[1].key
        assert key[2048:4096].all()
        assert not key[:2048].any()
        assert not key[4096:].any()


def test_damaged_counts_are_counted_again(path: FilePath) -> None:
    with Project.open(path) as project:
        project.put_blob(rp.BLOB, b'[{"mark": 3}]')
        assert remaining_in(project) is None
        review = PartReview(project)
        assert review.count_next()
        review.keep()
        assert remaining_in(project) == ProjectReview(project).queue(1).remaining
        assert np.isfinite(review.queue(1).certain)
