"""What opening, looking and operations cost in a long project: chunks read and written, not rows."""

from __future__ import annotations

import threading
from pathlib import Path as FilePath

import numpy as np
import pytest

from datasets.projects import Path, Project, Provenance
from datasets.projects.chunk_codec import SLOT, decode, encode
from datasets.projects.operations import run
from datasets.projects.store import Chunks
from models.errors import DataError
from tests.support.projects import content, make_project, seen

SLOTS = 20  # of each track


@pytest.fixture
def path(tmp_path: FilePath) -> FilePath:
    made = tmp_path / "p"
    tracks = {id: seen(0, SLOTS * SLOT - 1, left=100 * id) for id in (1, 2, 3)}
    make_project(made, tracks, SLOTS * SLOT).close()
    return made


def chunks_of(project: Project) -> Chunks:
    return project._ledger.chunks


def test_opening_reads_no_rows_and_a_window_reads_its_slot(path: FilePath) -> None:
    with Project.open(path) as project:
        assert project.extents().count.tolist() == [SLOTS * SLOT] * 3
        assert len(project.tracks()) == 3
        assert chunks_of(project).read_count == 0
        middle = 9 * SLOT + 100
        assert len(project.rows(middle, middle + 59)) == 180
        assert chunks_of(project).read_count == 3
        project.rows(middle + 60, middle + 119)
        assert chunks_of(project).read_count == 3  # they are kept


@pytest.mark.parametrize(
    ("kind", "parameters", "read", "written"),
    [
        ("swap", {"track": 1, "other": 2, "frame": 9 * SLOT + 100}, 2, 2),
        ("swap", {"track": 1, "other": 2, "frame": 9 * SLOT}, 4, 2),
        ("split", {"track": 1, "frame": 9 * SLOT + 100}, 1, 2),
        ("move", {"track": 1, "frame": 9 * SLOT + 100, "xyxy": [0, 0, 9, 9]}, 1, 1),
        ("delete", {"track": 1, "first": 9 * SLOT + 100}, 1, 1),
        ("delete", {"track": 1}, 0, 0),
        ("join", {"track": 1, "other": 4}, 2, 1),
        ("relabel", {"track": 1, "label": 1}, 0, 0),
        ("lock", {"track": 1}, 0, 0),
    ],
)
def test_an_operation_reads_and_writes_only_the_slots_that_it_changes(
    path: FilePath, kind: str, parameters: dict[str, int], read: int, written: int
) -> None:
    with Project.open(path) as project:
        if kind == "join":
            project.apply(run(project, "split", {"track": 1, "frame": 9 * SLOT + 100}), "a")
    with Project.open(path) as project:
        project.apply(run(project, kind, parameters), "a")
        assert chunks_of(project).read_count <= read
        assert chunks_of(project).written_count <= written
        project.undo("a")
        project.redo("a")
        assert chunks_of(project).written_count <= written


def test_equal_rows_are_written_once(path: FilePath) -> None:
    size = path.stat().st_size
    with Project.open(path) as project:
        rows = project.track(1)[1]
        for k in range(4):
            given = {"frame": rows.frame.tolist(), "xyxy": rows.xyxy.tolist(), "score": rows.score.tolist()}
            project.apply(run(project, "rows", {**given, "label": k % 2}), "a")
        assert chunks_of(project).written_count == SLOTS
    assert path.stat().st_size < 2 * size


def test_a_chunk_comes_back_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 7, SLOT):
        frame = 4 * SLOT + np.sort(rng.choice(SLOT, n, replace=False))
        box = rng.normal(size=(n, 4)).astype(np.float32)
        box[:, 2:] = box[:, :2] + 0.1 + np.abs(box[:, 2:])
        rows = Path.of(
            frame,
            box,
            rng.random(n),
            rng.integers(0, 5, n),
            rng.random(n) < 0.5,
            rng.random(n),
            rng.integers(-1, 10**12, n),
        )
        assert decode(encode(rows)).same_as(rows)
        assert encode(decode(encode(rows))) == encode(rows)


@pytest.mark.parametrize("spoil", ["head", "body", "short", "long", "empty"])
def test_a_spoilt_chunk_is_refused(spoil: str) -> None:
    data = encode(seen(0, 300))
    spoilt = {
        "head": b"XX" + data[2:],
        "body": data[:50] + bytes(20) + data[70:],
        "short": data[:-3],
        "long": data[:4] + (299).to_bytes(4, "little") + data[8:],
        "empty": b"",
    }[spoil]
    with pytest.raises((ValueError, DataError)):
        decode(spoilt)


def test_threads_may_read_while_another_writes(path: FilePath) -> None:
    errors: list[BaseException] = []
    stop = threading.Event()

    def look(project: Project) -> None:
        try:
            while not stop.is_set():
                rows = project.rows(100, 130)
                assert len(np.unique(rows.frame * 100 + rows.id)) == len(rows)
                project.extents()
                project.journal()
        except BaseException as error:
            errors.append(error)

    with Project.open(path) as project, Project.open(path, write=False) as reader:
        threads = [threading.Thread(target=look, args=(one,)) for one in (project, reader, reader)]
        for thread in threads:
            thread.start()
        for k in range(20):
            project.apply(run(project, "swap", {"track": 1, "other": 2, "frame": 100 + k}), "a")
            project.undo("a")
        stop.set()
        for thread in threads:
            thread.join()
        assert errors == []
        assert content(reader) == content(project)


def test_provenance_of_a_project_is_that_of_the_formats() -> None:
    assert [value.name for value in Provenance] == ["SEEN", "FILLED", "DRAWN", "CONFIRMED", "TRACKED", "PREDICTED"]
