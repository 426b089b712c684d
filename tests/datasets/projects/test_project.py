"""A project's file: what is written is there again, undo and redo, one writer, readers that follow."""

from __future__ import annotations

import os
from pathlib import Path as FilePath

import numpy as np
import pytest

from datasets.projects import Edit, Path, Project, SourceRecord, Track
from models.errors import DataError
from tests.support.projects import content, make_project, seen
from tracker.offline.types import Constraint, VideoDetections
from tracker.types import Float64


def some_detections(times: Float64) -> VideoDetections:
    """One detection in each of the first four frames."""
    boxes = np.tile(np.array([0, 0, 5, 5], np.float32), (4, 1))
    return VideoDetections(times, np.arange(4), boxes, np.ones(4, np.float32), np.zeros(4, np.int64))


def test_content_is_there_after_closing_and_opening(tmp_path: FilePath) -> None:
    path = tmp_path / "film.liquidtrack"
    with make_project(path, {1: seen(0, 5000), 2: seen(2040, 2060)}) as project:
        project.put_detections(some_detections(project.times))
        before = content(project)
        edit = Edit("relabel", {"label": 1}, {2: (Track(2, 1, "Bob"), project.track(2)[1])}, (Constraint(0, 1, True),))
        entry = project.apply(edit, "ann")
        after = content(project)
        assert (entry.seq, entry.who, entry.tracks) == (2, "ann", (2,))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film.liquidtrack"]
    with Project.open(path) as project:
        assert content(project) == after != before
        assert project.constraints() == (Constraint(0, 1, True),)
        assert project.journal(1) == [entry]
        assert project.undo("ann") is not None
        assert content(project) == before
        assert project.constraints() == ()


def test_what_was_said_last_about_detections_holds(tmp_path: FilePath) -> None:
    with make_project(tmp_path / "p", {1: seen(0, 10)}) as project:
        project.put_detections(some_detections(project.times))
        rows = {1: project.track(1)}
        cut, joined = Constraint(0, 1, False), Constraint(0, 1, True)
        project.apply(Edit("split", {}, rows, (cut,)), "a")
        project.apply(Edit("join", {}, rows, (joined, Constraint(2, 3, True))), "a")
        assert project.constraints() == (joined, Constraint(2, 3, True))
        project.undo("a")
        assert project.constraints() == (cut,)
        with pytest.raises(DataError, match="there is no detection 4; there are 4"):
            project.apply(Edit("join", {}, rows, (Constraint(0, 4, True),)), "a")


def test_undo_ends_at_the_import_and_redo_ends_at_the_last_operation(tmp_path: FilePath) -> None:
    with make_project(tmp_path / "p", {1: seen(0, 10)}) as project:
        assert project.undo("a") is None
        project.apply(Edit("delete", {}, {1: None}), "a")
        undone = project.undo("a")
        assert undone is not None
        assert (undone.kind, undone.parameters) == ("undo", {"seq": 2, "kind": "delete"})
        assert [t.id for t in project.tracks()] == [1]
        redone = project.redo("a")
        assert redone is not None
        assert project.tracks() == ()
        assert project.redo("a") is None


def test_an_id_is_never_used_again_even_after_undo(tmp_path: FilePath) -> None:
    with make_project(tmp_path / "p", {1: seen(0, 10)}) as project:
        project.apply(Edit("draw", {}, {2: (Track(2, 0), seen(0, 3))}), "a")
        project.undo("a")
        assert project.next_id == 3
        with pytest.raises(DataError, match=r"the id 2 was used before; give a new track the id 3"):
            project.apply(Edit("draw", {}, {2: (Track(2, 0), seen(0, 3))}), "a")


def test_an_edit_of_an_older_state_is_refused(tmp_path: FilePath) -> None:
    with make_project(tmp_path / "p", {1: seen(0, 10)}) as project:
        edit = Edit("delete", {}, {1: None}, seq=project.seq)
        project.apply(Edit("lock", {}, {1: (Track(1, 0, locked=True), project.track(1)[1])}), "a")
        with pytest.raises(DataError, match="has changed since entry 1, it is at 2"):
            project.apply(edit, "a")
        with pytest.raises(DataError, match="track 1 is locked; unlock it first"):
            project.apply(Edit("delete", {}, {1: None}), "a")


def test_a_second_writer_is_refused_and_a_reader_follows_live(tmp_path: FilePath) -> None:
    path = tmp_path / "p"
    with make_project(path, {1: seen(0, 3000)}) as project, Project.open(path, write=False) as reader:
        with pytest.raises(DataError, match=r"is being edited by process \d+; close it there, or open it for reading"):
            Project.open(path)
        with pytest.raises(DataError, match="open for reading only"):
            reader.undo("a")
        with pytest.raises(DataError, match="open for reading only"):
            reader.apply(Edit("delete", {}, {1: None}), "a")
        project.apply(Edit("draw", {}, {2: (Track(2, 1), seen(100, 2500))}), "a")
        assert reader.seq == 2
        assert content(reader) == content(project)
        project.undo("a")
        project.add_name("dog")
        assert content(reader) == content(project)
        assert reader.extents().id.tolist() == [1]
        assert reader.names == ("person", "ball", "dog")
        assert reader.next_id == 3


def test_rows_of_some_frames_are_those_of_all_tracks_by_frame_then_id(tmp_path: FilePath) -> None:
    with make_project(tmp_path / "p", {3: seen(2000, 2100), 1: seen(0, 2050), 2: seen(4095, 4096)}) as project:
        rows = project.rows(2047, 2052)
        assert rows.frame.tolist() == [2047, 2047, 2048, 2048, 2049, 2049, 2050, 2050, 2051, 2052]
        assert rows.id.tolist() == [1, 3, 1, 3, 1, 3, 1, 3, 3, 3]
        assert rows.xyxy[1].tobytes() == project.track(3)[1].between(2047, 2047).xyxy.tobytes()
        assert len(project.rows(5000, 10**6)) == 0
        extents = project.extents()
        assert extents.id.tolist() == [1, 2, 3]
        assert extents.first.tolist() == [0, 4095, 2000]
        assert extents.last.tolist() == [2050, 4096, 2100]
        assert extents.count.tolist() == [2051, 2, 101]
        np.testing.assert_allclose(extents.least, 0.95)


def test_detections_and_blobs_come_back_to_the_bit(tmp_path: FilePath) -> None:
    rng = np.random.default_rng(0)
    times = np.array([0.0, 0.1, 0.35])
    embedding = rng.normal(size=(2, 8)).astype(np.float16)
    warps = rng.normal(size=(3, 2, 3))
    boxes = np.array([[0, 0, 5, 5], [1, 1, 6, 7]], np.float32)
    detections = VideoDetections(
        times, np.array([0, 2]), boxes, np.array([0.5, 1], np.float32), np.array([1, 0]), (64, 48), embedding, warps
    )
    project = Project.create(tmp_path / "p", SourceRecord("a"), ("x", "y"), np.array([0, 1, 5]), times, detections)
    with project:
        project.put_blob("graph", bytes(range(256)) * 10)
        project.put_blob("state", b"")
    with Project.open(tmp_path / "p", write=False) as project:
        got = project.detections()
        assert got is not None
        for name in ("times", "frame", "xyxy", "score", "label", "embedding", "warps"):
            value, want = getattr(got, name), getattr(detections, name)
            assert value.dtype == want.dtype
            assert value.tobytes() == want.tobytes()
        assert got.size == (64, 48)
        light = project.detections(embeddings=False)
        assert light is not None
        assert light.embedding is None
        assert project.blob("graph") == bytes(range(256)) * 10
        assert project.blob("state") == b""
        assert project.blob("nothing") is None
        assert project.frames.tolist() == [0, 1, 5]


def test_a_project_may_lie_in_a_folder_of_any_name_and_behind_a_link(tmp_path: FilePath) -> None:
    folder = tmp_path / os.fsdecode(b"100 % of #1?&mode=ro \xff \xc3\xa4")
    folder.mkdir()
    path = folder / "film.mp4.liquidtrack"
    link = tmp_path / "link"
    with make_project(path, {1: seen(0, 10)}) as project:
        project.put_blob("state", b"new")
        link.symlink_to(path)
        with pytest.raises(DataError, match="is being edited by process"):
            Project.open(link)
    with Project.open(link) as project:
        assert project.blob("state") == b"new"
        project.apply(Edit("delete", {}, {1: None}), "a")
    with Project.open(path, write=False) as project:
        assert project.tracks() == ()


def test_an_existing_file_is_never_overwritten(tmp_path: FilePath) -> None:
    path = tmp_path / "p"
    path.write_text("mine")
    with pytest.raises(DataError, match="exists; open it, or name another file"):
        make_project(path)
    assert path.read_text() == "mine"


def test_rows_that_break_the_contract_are_refused() -> None:
    with pytest.raises(DataError, match="do not rise"):
        Path.of([1, 1], [[0, 0, 1, 1]] * 2)
    with pytest.raises(DataError, match=r"the box \[5.0, 0.0, 5.0, 1.0\] in frame 1 has no area"):
        Path.of([1], [5, 0, 5, 1])
    with pytest.raises(DataError, match=r"score 1\.5 in frame 1 is no probability"):
        Path.of([1], [0, 0, 5, 1], score=1.5)
