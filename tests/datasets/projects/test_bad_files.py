"""Files that are no whole project of this version: one sentence each, and nothing is lost."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path as FilePath

import numpy as np
import pytest

from datasets.projects import Project, schema
from datasets.projects.operations import run
from models.errors import DataError
from tests.support.projects import content, make_project, seen

VERSION_1 = FilePath(__file__).parents[2] / "data" / "project-version-1.sql"


@pytest.fixture
def path(tmp_path: FilePath) -> FilePath:
    made = tmp_path / "film.liquidtrack"
    with make_project(made, {1: seen(0, 5000), 2: seen(40, 60)}) as project:
        project.apply(run(project, "swap", {"track": 1, "other": 2, "frame": 50}), "ann")
        project.put_blob("graph", bytes(5000))
    return made


def set_version(path: FilePath, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={version}")
    connection.close()


def write_text(path: FilePath) -> None:
    path.write_text("once upon a time " * 30)


def write_database(path: FilePath) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (a)")
    connection.close()


def make_folder(path: FilePath) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), r"cannot be read \(No such file or directory\); check the path"),
        (make_folder, r"cannot be read \(Is a directory\); check the path"),
        (lambda path: path.write_bytes(b""), "is cut off after 0 bytes; take a copy from before"),
        (write_text, r"is no project of liquidtrack; give a file that ends in \.liquidtrack"),
        (write_database, "is no project of liquidtrack"),
        (lambda path: set_version(path, 0), r"is damaged \(version 0\)"),
        (
            lambda path: set_version(path, 7),
            "is a project of version 7, this program reads up to 1; update",
        ),
    ],
)
@pytest.mark.parametrize("write", [True, False])
def test_what_is_no_project_of_this_version_is_one_sentence(
    path: FilePath, spoil: Callable[[FilePath], None], message: str, write: bool
) -> None:
    spoil(path)
    with pytest.raises(DataError, match=message):
        Project.open(path, write=write)
    assert [one.name for one in path.parent.iterdir() if one.suffix == ".lock"] == []


def test_a_file_that_is_cut_off_anywhere_is_refused(path: FilePath) -> None:
    data = path.read_bytes()
    for length in [1, 15, 16, 50, 99, 100, 4096, *range(5000, len(data), 9973), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(DataError, match=r"is cut off"):
            Project.open(path)


def test_damaged_bytes_are_found_or_harmless(path: FilePath) -> None:
    data = path.read_bytes()
    with Project.open(path) as project:
        rows = {track.id: rows for track, *rows in content(project)}
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(150):
        spoilt = bytearray(data)
        at = int(rng.integers(100, len(data) - 64))
        spoilt[at : at + 40] = rng.integers(0, 256, 40, np.uint8).tobytes()
        for left in path.parent.glob("*-wal"):  # of a file that could not take it up
            left.unlink()
        path.write_bytes(spoilt)
        try:
            with Project.open(path) as project:
                got = {track.id: rows for track, *rows in content(project)}
                project.journal()
                project.constraints()
                project.undo("a")
        except DataError:
            found += 1
        else:
            assert got == rows
    assert 20 < found < 150


def test_a_full_disk_changes_nothing(path: FilePath) -> None:
    with Project.open(path) as project:
        connection = project._ledger.connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        states = []

        def fill() -> None:
            for k in range(100):
                states.append((content(project), project.seq))
                project.apply(run(project, "accept", {"track": 2, "first": 50 + k * 30, "last": 70 + k * 30}), "a")

        with pytest.raises(DataError, match="the disk is full; nothing was changed"):
            fill()
        assert (content(project), project.seq) == states[-1]
        connection.execute("PRAGMA max_page_count=100000")
        before = content(project)
        project.apply(run(project, "accept", {"track": 2}), "a")
        project.undo("a")
        assert content(project) == before


def make_version_1(path: FilePath) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1.read_text())
    connection.execute(f"PRAGMA application_id={schema.APPLICATION}")
    connection.execute("PRAGMA user_version=1")
    connection.close()


def test_a_file_of_version_1_opens(tmp_path: FilePath) -> None:
    make_version_1(tmp_path / "p")
    with Project.open(tmp_path / "p") as project:
        assert [(track.id, track.name) for track in project.tracks()] == [(1, "Ann"), (2, ""), (3, "")]
        assert project.track(3)[1].frame.tolist() == [8, 9]
        assert [entry.kind for entry in project.journal()] == ["import", "rename", "split", "delete", "undo"]
        assert project.redo("ann") is not None


def test_an_older_file_is_migrated_in_one_step_or_not_at_all(
    tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p"
    make_version_1(path)
    with Project.open(path) as project:
        before = content(project)

    def step(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE track ADD COLUMN colour TEXT")
        connection.execute("UPDATE track SET colour='red'")

    def half(connection: sqlite3.Connection) -> None:
        step(connection)
        connection.execute("UPDATE missing SET a=1")

    monkeypatch.setattr(schema, "VERSION", 2)
    with pytest.raises(DataError, match="is a project of version 1, this program reads 2; open it once for writing"):
        Project.open(path, write=False)
    monkeypatch.setattr(schema, "MIGRATIONS", {1: half})
    with pytest.raises(DataError, match="no such table: missing"):
        Project.open(path)
    monkeypatch.setattr(schema, "MIGRATIONS", {1: step})
    copy = tmp_path / "copy"
    shutil.copy(path, copy)
    with Project.open(path) as project:
        assert content(project) == before
    with Project.open(path, write=False) as project:
        assert content(project) == before
    for file, version in ((path, 2), (copy, 1)):
        connection = sqlite3.connect(file)
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
        columns = [row[1] for row in connection.execute("PRAGMA table_info(track)")]
        assert ("colour" in columns) == (version == 2)
        connection.close()
