"""A process killed at any moment loses at most the operation in hand, and leaves a whole file that opens at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path as FilePath

import pytest

from datasets.projects import Project
from tests.support.projects import content, make_project, seen
from tests.support.random_operations import random_step

KILLS = 50
# Forks children that do operations until they are killed; says how many entries each acknowledged and which there are.
KILL_OFTEN = """
import os, random, signal, sys, time
from datasets.projects import Project
from tests.support.random_operations import random_step

path = sys.argv[1]
rng = random.Random(7)
for _ in range(int(sys.argv[2])):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        project = Project.open(path)
        while True:
            os.write(write, random_step(project).seq.to_bytes(4, "little"))
    os.close(write)
    heard = os.read(read, 4)  # one is done
    time.sleep(rng.uniform(0, 0.06))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(read, 4):
        heard = more
    os.close(read)
    with Project.open(path, write=False) as reader:
        seen = reader.seq
    with Project.open(path) as project:
        assert project.seq == seen
        print(int.from_bytes(heard, "little"), seen, flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fifty_random_kills_lose_at_most_the_operation_in_hand(tmp_path: FilePath) -> None:
    path = tmp_path / "film.liquidtrack"
    tracks = {1: seen(0, 5000), 2: seen(100, 3000, left=200), 3: seen(2040, 2050)}
    make_project(path, tracks).close()
    command = [sys.executable, "-c", KILL_OFTEN, str(path), str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(found) == KILLS
    assert all(said <= there <= said + 1 for said, there in found)
    last = found[-1][1]
    assert last > KILLS
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with make_project(tmp_path / "again", tracks) as same, Project.open(path) as project:
        while same.seq < last:
            random_step(same)
        assert content(project) == content(same)
        assert [entry.kind for entry in project.journal()] == [entry.kind for entry in same.journal()]
        while same.undo("a") is not None:
            assert project.undo("a") is not None
        assert content(project) == content(same)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_project_killed_while_it_is_made_leaves_no_file(tmp_path: FilePath) -> None:
    path = tmp_path / "p"
    script = (
        "import os, signal, sys\n"
        "from datasets.projects import store\n"
        "store.put_array = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from tests.support.projects import make_project\n"
        "make_project(__import__('pathlib').Path(sys.argv[1]))\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not path.exists()
    make_project(path, {1: seen(0, 5)}).close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["p"]
