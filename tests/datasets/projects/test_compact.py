"""Rows that nothing can bring back are removed; undo, redo and the journal stay as they are."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path as FilePath

import pytest

from datasets.projects import Project
from datasets.projects.operations import run
from tests.support.projects import content, make_project, seen
from tests.support.random_operations import random_step

TRACKS = {1: seen(0, 5000), 2: seen(100, 3000, left=200), 3: seen(2040, 2050)}


def chunks(path: FilePath) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM chunk").fetchone()
    (data,) = connection.execute("SELECT count(*) FROM chunk_data").fetchone()
    connection.close()
    assert count == data
    return int(count)


def move(project: Project, left: float) -> None:
    project.apply(run(project, "move", {"track": 1, "frame": 50, "xyxy": [left, 0, left + 9, 9]}), "ann")


def test_what_redo_can_bring_back_stays_and_the_rest_goes(tmp_path: FilePath) -> None:
    path = tmp_path / "p"
    with make_project(path, TRACKS) as project:
        move(project, 1)
        project.undo("ann")
        assert project.compact() == 0  # redo may bring it back
        move(project, 2)
        before, count = content(project), chunks(path)
        assert project.compact() == 1
        assert project.compact() == 0
        assert chunks(path) == count - 1
        assert content(project) == before
        move(project, 1)  # the rows that were removed, written again
        assert project.track(1)[1].between(50, 50).xyxy[0, 0] == 1
        while project.undo("ann") is not None:
            pass
        rows = project.track(1)[1]
        assert rows.same_as(TRACKS[1])


def test_a_reader_does_not_take_new_rows_for_removed_ones(tmp_path: FilePath) -> None:
    path = tmp_path / "p"
    with make_project(path, TRACKS) as project, Project.open(path, write=False) as reader:
        move(project, 1)
        reader.track(1)  # keeps the rows
        project.undo("ann")
        project.apply(run(project, "lock", {"track": 2}), "ann")
        project.compact()
        move(project, 2)
        assert content(reader) == content(project)


def test_states_of_a_random_history_come_again_as_before(tmp_path: FilePath) -> None:
    rng = random.Random(3)
    with make_project(tmp_path / "a", TRACKS) as plain, make_project(tmp_path / "b", TRACKS) as tidy:
        for _ in range(60):
            random_step(plain)
            random_step(tidy)
            if rng.random() < 0.3:
                tidy.compact()
        assert content(tidy) == content(plain)
        assert chunks(tmp_path / "b") <= chunks(tmp_path / "a")
        while (entry := plain.undo("ann")) is not None:
            again = tidy.undo("ann")
            assert again is not None
            assert again.tracks == entry.tracks
        assert content(tidy) == content(plain)
        while plain.redo("ann") is not None:
            assert tidy.redo("ann") is not None
        assert content(tidy) == content(plain)
        assert [entry.kind for entry in tidy.journal()] == [entry.kind for entry in plain.journal()]


def test_a_reader_that_lags_behind_follows_past_what_was_removed(tmp_path: FilePath) -> None:
    path = tmp_path / "p"
    with make_project(path, TRACKS) as project, Project.open(path, write=False) as reader:
        assert reader.seq == project.seq
        move(project, 1)
        project.undo("ann")
        move(project, 2)
        assert project.compact() == 1
        assert content(reader) == content(project)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_kill_meanwhile_leaves_a_whole_project(tmp_path: FilePath) -> None:
    path = tmp_path / "p"
    with make_project(path, TRACKS) as project:
        for left in range(1, 6):
            move(project, left)
            project.undo("ann")
        before = content(project)
    script = (
        "import os, signal, sys\n"
        "from datasets.projects import Project, store\n"
        "removing = store.remove_unreachable\n"
        "store.remove_unreachable = lambda *a: (removing(*a), os.kill(os.getpid(), signal.SIGKILL))\n"
        "Project.open(sys.argv[1]).compact()\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    with Project.open(path) as project:
        assert content(project) == before
        assert project.redo("ann") is not None
        assert project.undo("ann") is not None
        assert project.compact() == 4
        assert content(project) == before
