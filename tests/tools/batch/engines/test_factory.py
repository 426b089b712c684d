from __future__ import annotations

import itertools
import re
import tracemalloc
from pathlib import Path

import pytest

from models.errors import ConfigError
from tests.support.engine_tasks import doubled, fated
from tools.batch.engines.driver import run_tasks
from tools.batch.engines.opening import open_engine

HERE = "python:tests.support.engine_tasks"


def test_memory_is_flat_over_many_tasks() -> None:
    count, at = 10_000, []
    with open_engine(f"{HERE}:InlineExecutor") as engine:
        tracemalloc.start()
        try:
            for done, outcome in enumerate(run_tasks(engine, ({"number": k} for k in range(count)), _seen)):
                assert outcome.error is None
                if done in (count // 10, count - 1):
                    at.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    assert done == count - 1
    assert at[1] - at[0] < 100_000  # 10 bytes a task


def _seen(task: dict[str, int]) -> dict[str, int]:
    return {"seconds": task["number"]}


def test_after_a_broken_pool_only_the_guilty_task_is_blamed(tmp_path: Path) -> None:
    names = ["sleeps-0.2-1", "kills-1", "once-1", *(f"good-{k}" for k in range(6))]
    with open_engine(f"{HERE}:spawned_pool") as engine:
        tasks = [(name, str(tmp_path)) for name in names]
        found = {one.task[0]: one for one in run_tasks(engine, tasks, fated, retries=1, pause_s=0.01)}
    assert sorted(found) == sorted(names)
    assert {name for name, one in found.items() if one.error} == {"kills-1"}
    assert found["kills-1"].error == "it broke the executor that worked on it, in each of 2 tries; it is left out."
    assert found["kills-1"].tries == 2


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (f"{HERE}:nothing", "--on python:tests.support.engine_tasks:nothing cannot be loaded: AttributeError"),
        ("python:no.such:pool", "cannot be loaded: ModuleNotFoundError"),
        (f"{HERE}:no_pool", "returned a str; return a concurrent.futures.Executor."),
        (f"{HERE}:broken_factory", "failed (RuntimeError: no allocation left)."),
    ],
)
def test_a_factory_that_gives_no_executor_is_named(place: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)), open_engine(place):
        pass


def test_tasks_are_read_as_they_are_needed() -> None:
    numbers = itertools.count()
    with open_engine(f"{HERE}:InlineExecutor") as engine:
        outcomes = run_tasks(engine, numbers, doubled)
        assert [next(outcomes).task for _ in range(5)] == [0, 1, 2, 3, 4]
    assert next(numbers) <= 5 + 2 * engine.room()
