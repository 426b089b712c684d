from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from datasets.sources.containers import decode_in_threads
from models.runtime.compute import usable_cores
from tests.support.engine_driver import assert_gone, end_driver
from tests.support.engine_tasks import described, doubled, fated, long
from tests.support.moving_box_clip import write_clip
from tools.batch.engines.driver import run_tasks
from tools.batch.engines.local import LocalEngine
from tools.batch.engines.opening import open_engine
from tools.batch.engines.placement import Placement
from tools.batch.engines.types import TaskEngine, TaskOutcome

FATES = ("kills-1", "leaves-1", "damaged-1", "changed-1", "bug-1", "exits-1", "absent-1", "once-1")


@pytest.fixture(scope="module")
def two() -> Iterator[TaskEngine]:
    with open_engine("local:2") as engine:
        yield engine


def test_every_task_is_done_once_in_the_given_number_of_processes(two: TaskEngine) -> None:
    found = list(run_tasks(two, range(20), doubled))
    assert sorted(outcome.task for outcome in found) == list(range(20))
    results = [outcome.result for outcome in found]
    assert all(outcome.result and outcome.result["number"] == 2 * outcome.task for outcome in found)
    assert {outcome.tries for outcome in found} == {1}
    pids = {result["pid"] for result in results if result}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids


def test_only_the_task_that_kills_its_process_is_blamed(
    two: TaskEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "cache"))
    names = [*FATES, *(f"good-{k}" for k in range(30))]
    found = {
        outcome.task[0]: outcome
        for outcome in run_tasks(two, [(name, str(tmp_path)) for name in names], fated, retries=2, pause_s=0.01)
    }
    assert sorted(found) == sorted(names)
    good = [found[name] for name in names if name.startswith("good")]
    assert {(outcome.error, outcome.tries) for outcome in good} == {(None, 1)}
    assert _tries(tmp_path, "good-7") == 1
    assert found["once-1"].error is None
    assert found["once-1"].tries == _tries(tmp_path, "once-1") == 2
    _assert_error(
        found, tmp_path, "kills-1", "its process was ended by SIGKILL, perhaps for want of memory, in each of 3 "
    )
    _assert_error(found, tmp_path, "leaves-1", "its process was ended with exit code 3")
    _assert_error(found, tmp_path, "damaged-1", "damaged-1: is damaged.", tries=1)
    _assert_error(found, tmp_path, "changed-1", "changed-1: was replaced while it was read.")
    _assert_error(found, tmp_path, "bug-1", "a fault of liquidtrack's own (ZeroDivisionError: a fault); ")
    _assert_error(found, tmp_path, "exits-1", "a fault of liquidtrack's own (SystemExit: 5); ")
    _assert_error(found, tmp_path, "absent-1", "no-such-file: No such file or directory; mend that and try again.")
    reports = list((tmp_path / "cache" / "faults").glob("*.log"))
    assert any("ZeroDivisionError" in report.read_text() and "Traceback" in report.read_text() for report in reports)


def _tries(folder: Path, name: str) -> int:
    return len((folder / name).read_text().split())


def _assert_error(
    found: dict[str, TaskOutcome[tuple[str, str]]], folder: Path, name: str, said: str, tries: int = 3
) -> None:
    outcome = found[name]
    assert outcome.result is None
    assert outcome.error is not None
    assert said in outcome.error
    assert "\n" not in outcome.error
    assert outcome.tries == _tries(folder, name) == tries


def test_infinite_tasks_are_read_no_faster_than_they_are_worked_on(two: TaskEngine) -> None:
    read: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            read.append(number)
            yield number

    outcomes = run_tasks(two, endless(), doubled)
    for done, _ in zip(range(1, 6), outcomes, strict=False):
        assert len(read) <= done + two.room()
    outcomes.close()  # type: ignore[attr-defined]
    assert len(read) <= 5 + 2 * two.room()


def test_a_source_that_has_nothing_now_is_asked_again(two: TaskEngine) -> None:
    asked = [None, 1, None, None, 2]
    assert sorted(outcome.task for outcome in run_tasks(two, asked, doubled)) == [1, 2]


def test_stop_ends_running_tasks_and_the_engine_goes_on(two: TaskEngine, tmp_path: Path) -> None:
    def begun() -> list[str]:
        return [path.name for path in tmp_path.iterdir()]

    assert list(run_tasks(two, [str(tmp_path)] * 5, long, stop=lambda: len(begun()) == 2)) == []
    assert_gone([int(pid) for pid in begun()])
    assert [outcome.result is not None for outcome in run_tasks(two, range(3), doubled)] == [True] * 3


def test_processes_killed_from_outside_are_replaced(two: TaskEngine, tmp_path: Path) -> None:
    killed = []

    def kill_first(task: tuple[str, str], number: int) -> None:
        if task[0] == "sleeps-0.3-9" and len(killed) < 3:  # while others run
            killed.extend(two.pids())  # type: ignore[attr-defined]
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    names = [f"sleeps-0.{k % 4}-{k}" for k in range(9)] + ["sleeps-0.3-9"] + [f"good-{k}" for k in range(5)]
    tasks = [(name, str(tmp_path)) for name in names]
    found = list(run_tasks(two, tasks, fated, retries=2, began=kill_first, pause_s=0.01))
    assert killed
    assert sorted(outcome.task[0] for outcome in found) == sorted(names)
    assert {outcome.error for outcome in found} == {None}


def test_cores_are_divided_and_the_working_folder_is_not_imported_from() -> None:
    with open_engine("local:1") as one:
        (outcome,) = run_tasks(one, [0], described)
    cores = len(os.sched_getaffinity(0))
    assert outcome.result == {"cores": cores, "blas": str(cores), "gpus": None, "interrupt": True, "path": False}


def test_processes_get_the_gpus_of_their_place() -> None:
    engine = LocalEngine(Placement(1, 1, ("3",), 0))
    try:
        (outcome,) = run_tasks(engine, [0], described)
    finally:
        engine.close()
    assert outcome.result is not None
    assert outcome.result["gpus"] == "3"
    assert outcome.result["cores"] == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_driver(tmp_path: Path, number: signal.Signals) -> None:
    end_driver(tmp_path, "local:2", 2, number)


def test_a_decoder_takes_two_threads_beside_other_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    for share, threads in (("", 0), ("1", 2), ("64", 2)):
        monkeypatch.setenv("LIQUIDTRACK_CORES", share)
        with av.open(str(clip)) as container:
            context = container.streams.video[0].codec_context
            decode_in_threads(context)
            assert context.thread_count == threads
            assert next(container.decode(video=0)).width > 0


def test_a_share_of_the_cores_is_never_more_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIQUIDTRACK_CORES", raising=False)
    cores = usable_cores()
    for share, found in (("1", 1), ("0", 1), ("9999", cores), ("many", cores), ("", cores)):
        monkeypatch.setenv("LIQUIDTRACK_CORES", share)
        assert usable_cores() == found
