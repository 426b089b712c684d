"""Tracks of a project followed from a person's box, in images whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path as FilePath

import numpy as np
import pytest

from datasets.projects import Path, Project, Provenance, SourceRecord, Track
from datasets.projects.known_boxes import KnownOthers, absences_around, key_after, key_before
from datasets.projects.operations.registry import run
from datasets.projects.reach import Direction
from datasets.projects.retrack import RetrackJob, retrack_edit
from models.errors import DataError
from tests.support.pattern_images import SIZE, iou, scene
from tests.support.pattern_video import UNEVEN, PatternVideo, video, walking
from tests.support.projects import content, make_project, seen
from tracker.learned.liquid_motion import LiquidMotion
from tracker.retrack.config import RetrackConfig
from tracker.single_object.manager import MakeTracker
from tracker.single_object.search_region import FrozenView
from tracker.single_object.tracker import SingleObjectTracker

LAST = len(UNEVEN) - 1
TRUTH = np.array([walking(float(t)) for t in UNEVEN], np.float32)


@pytest.fixture(scope="module")
def make(view: FrozenView) -> MakeTracker:
    motion = LiquidMotion()
    return partial(SingleObjectTracker, view, motion)


@pytest.fixture
def project(tmp_path: FilePath) -> Iterator[Project]:
    """One track whose machine boxes stay where it was first, with the truth drawn in frames 0, 5 and 11."""
    with Project.create(
        tmp_path / "p", SourceRecord("film", width=SIZE[0], height=SIZE[1]), ("thing",), np.arange(LAST + 1), UNEVEN
    ) as made:
        xyxy = np.repeat(TRUTH[:1], LAST + 1, axis=0)
        xyxy[[5, LAST]] = TRUTH[[5, LAST]]
        how = np.full(LAST + 1, Provenance.SEEN, np.uint8)
        how[[0, 5, LAST]] = Provenance.DRAWN
        made.import_tracks([(Track(1, 0), Path.of(np.arange(LAST + 1), xyxy, 0.5, how, link=0.5))], "import")
        yield made


def quality(rows: Path) -> float:
    return min(iou(box.astype(float), TRUTH[k].astype(float)) for k, box in zip(rows.frame, rows.xyxy, strict=True))


def test_both_sides_are_followed_to_the_next_key_frames_in_one_entry(project: Project, make: MakeTracker) -> None:
    before = content(project)
    old = project.track(1)[1]
    job = RetrackJob(project, video(), 1, 5, make_tracker=make)
    steps = list(job)
    assert [(p.done, p.total) for p in steps] == [(k, job.total) for k in range(1, job.total + 1)]
    edit = job.edit()
    assert edit is not None
    entry = project.apply(edit, "ann")
    assert (entry.kind, entry.tracks) == ("retrack", (1,))
    assert entry.parameters == {"track": 1, "frame": 5, "direction": "both", "first": 1, "last": LAST - 1}
    rows = project.track(1)[1]
    assert rows.frame.tolist() == list(range(LAST + 1))
    keys = [0, 5, LAST]
    np.testing.assert_array_equal(rows.xyxy[keys], old.xyxy[keys])
    assert (rows.provenance[keys] == Provenance.DRAWN).all()
    assert (np.delete(rows.provenance, keys) == Provenance.TRACKED).all()
    assert (rows.link[keys[1:]] == 1).all()
    assert quality(rows) > 0.9
    assert job.message == f"The object of track 1 was followed to frame 0, followed to frame {LAST}."
    project.undo("ann")
    assert content(project) == before


@pytest.mark.parametrize(("direction", "changed"), [("forwards", [6, 7, 8, 9, 10]), ("backwards", [1, 2, 3, 4])])
def test_only_the_asked_side_changes(
    project: Project, make: MakeTracker, direction: Direction, changed: list[int]
) -> None:
    old = project.track(1)[1]
    edit = retrack_edit(project, video(), 1, 5, direction, make_tracker=make)
    assert edit is not None
    project.apply(edit, "ann")
    rows = project.track(1)[1]
    assert np.flatnonzero((rows.xyxy != old.xyxy).any(axis=1)).tolist() == changed
    assert quality(rows.take(changed)) > 0.9


def test_seconds_bound_how_far_a_box_is_followed(project: Project, make: MakeTracker) -> None:
    edit = retrack_edit(project, video(), 1, 5, "forwards", 0.21, make_tracker=make)
    assert edit is not None
    assert (edit.parameters["first"], edit.parameters["last"]) == (6, 8)


def test_machine_box_that_is_followed_becomes_confirmed(project: Project, make: MakeTracker) -> None:
    project.apply(run(project, "delete", {"track": 1, "first": 1, "last": LAST}), "ann")
    xyxy = TRUTH[2].tolist()
    project.apply(run(project, "rows", {"frame": [2], "xyxy": [xyxy], "track": 1, "provenance": "seen"}), "ann")
    edit = retrack_edit(project, video(), 1, 2, "forwards", make_tracker=make)
    assert edit is not None
    project.apply(edit, "ann")
    rows = project.track(1)[1]
    assert rows.frame.tolist() == [0, *range(2, LAST + 1)]
    assert rows.provenance.tolist()[:3] == [Provenance.DRAWN, Provenance.CONFIRMED, Provenance.TRACKED]


def test_absence_is_not_entered(project: Project, make: MakeTracker) -> None:
    project.apply(run(project, "absent", {"track": 1, "first": 8, "last": 9}), "ann")
    edit = retrack_edit(project, video(), 1, 5, "forwards", make_tracker=make)
    assert edit is not None
    assert (edit.parameters["first"], edit.parameters["last"]) == (6, 7)
    project.apply(edit, "ann")
    assert project.track(1)[1].frame.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 10, 11]


def test_stopped_job_keeps_what_it_followed_and_leaves_the_rest(project: Project, make: MakeTracker) -> None:
    old = project.track(1)[1]
    job = RetrackJob(project, video(), 1, 5, "forwards", make_tracker=make)
    assert job.edit() is None
    for progress in job:
        if progress.done == 2:
            break
    edit = job.edit()
    assert edit is not None
    project.apply(edit, "ann")
    rows = project.track(1)[1]
    assert np.flatnonzero((rows.xyxy != old.xyxy).any(axis=1)).tolist() == [6, 7]


def test_key_frame_drawn_while_a_job_runs_stays(project: Project, make: MakeTracker) -> None:
    job = RetrackJob(project, video(), 1, 5, "forwards", make_tracker=make)
    for progress in job:
        if progress.done == 3:
            project.apply(run(project, "move", {"track": 1, "frame": 8, "xyxy": [5, 5, 50, 60]}), "bob")
    edit = job.edit()
    assert edit is not None
    project.apply(edit, "ann")
    rows = project.track(1)[1]
    assert rows.xyxy[8].tolist() == [5, 5, 50, 60]
    assert rows.provenance[8] == Provenance.DRAWN
    project.apply(run(project, "delete", {"track": 1, "first": 5, "last": 5}), "bob")
    with pytest.raises(DataError, match="the box of track 1 in frame 5 is no more"):
        job.edit()


def test_lost_object_leaves_later_rows_as_they_were_and_is_told(project: Project, make: MakeTracker) -> None:
    project.apply(run(project, "delete", {"track": 1, "first": LAST, "last": LAST}), "ann")
    film = PatternVideo(UNEVEN, lambda time: scene(walking(time)) if time < 0.5 else scene(seed=5))
    config = RetrackConfig(max_lost=0.1)
    job = RetrackJob(project, film, 1, 5, "forwards", config=config, make_tracker=make)
    for _ in job:
        pass
    edit = job.edit()
    assert edit is not None
    assert edit.parameters["last"] == 6
    assert job.message == (
        "The object of track 1 was followed to frame 6, where it was lost; boxes after it are as they were."
    )


def test_hidden_frames_are_filled_ones(project: Project, make: MakeTracker) -> None:
    hidden = (UNEVEN[7], UNEVEN[8])
    film = PatternVideo(UNEVEN, lambda time: scene() if time in hidden else scene(walking(time)))
    edit = retrack_edit(project, film, 1, 5, "forwards", make_tracker=make)
    assert edit is not None
    project.apply(edit, "ann")
    how = project.track(1)[1].provenance.tolist()
    filled, tracked = Provenance.FILLED, Provenance.TRACKED
    assert how[6:LAST] == [tracked, filled, filled, tracked, tracked]


@pytest.mark.parametrize(
    ("track", "frame", "direction", "seconds", "says"),
    [
        (2, 5, "both", None, "there is no track 2"),
        (1, 12, "both", None, "there is no frame 12"),
        (1, 8, "both", None, "track 1 has no box in frame 8; draw one there"),
        (1, LAST, "forwards", None, "no frame after frame 11 may be followed"),
        (1, 0, "backwards", None, "no frame before frame 0 may be followed"),
        (1, 5, "sideways", None, "direction is 'sideways'"),
        (1, 5, "both", 0.0, "seconds is 0"),
        (1, 5, "both", float("nan"), "seconds is nan"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_a_sentence(
    project: Project, track: int, frame: int, direction: Direction, seconds: float | None, says: str
) -> None:
    project.apply(run(project, "delete", {"track": 1, "first": 8, "last": 8}), "ann")
    with pytest.raises(DataError, match=says):
        RetrackJob(project, video(), track, frame, direction, seconds)


def test_locked_track_is_refused_also_where_it_is_locked_meanwhile(project: Project, make: MakeTracker) -> None:
    job = RetrackJob(project, video(), 1, 5, "forwards", make_tracker=make)
    next(iter(job))
    project.apply(run(project, "lock", {"track": 1, "locked": True}), "bob")
    with pytest.raises(DataError, match="track 1 is locked"):
        job.edit()
    with pytest.raises(DataError, match="track 1 is locked"):
        RetrackJob(project, video(), 1, 5)


def test_only_boxes_that_a_person_knows_are_kept_off(tmp_path: FilePath) -> None:
    with make_project(tmp_path / "p", {1: seen(0, 600), 2: seen(0, 600, 100), 3: seen(0, 600, 200)}) as project:
        project.apply(run(project, "lock", {"track": 3, "locked": True}), "a")
        project.apply(run(project, "move", {"track": 2, "frame": 4, "xyxy": [1, 2, 3, 4]}), "a")
        others = KnownOthers(project, 1)
        assert others.at(4)[:, 0].tolist() == [1, pytest.approx(200.04)]
        assert others.at(5)[:, 0].tolist() == [pytest.approx(200.05)]
        assert len(others.at(599)) == 1
        assert len(KnownOthers(project, 3).at(5)) == 0


def test_next_key_frames_are_found_across_slots(tmp_path: FilePath) -> None:
    with make_project(tmp_path / "p", {1: seen(0, 5000)}) as project:
        for frame in (10, 4500):
            project.apply(run(project, "accept", {"track": 1, "first": frame, "last": frame}), "a")
        slots = project.slots(1)

        def found(row: Path | None) -> int | None:
            return None if row is None else int(row.frame[0])

        assert found(key_after(slots, 10, 5000)) == 4500
        assert found(key_after(slots, 10, 4499)) is None
        assert found(key_before(slots, 4500, 0)) == 10
        assert found(key_before(slots, 4500, 11)) is None
    assert absences_around(((2, 4), (8, 9)), 6) == (4, 8)
    assert absences_around((), 6)[0] == -1
