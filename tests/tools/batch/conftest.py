"""What the tests of `liquidtrack batch` share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tools.batch.engines.attempt import attempt, versions
from tools.batch.engines.types import TaskOutcome


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks run in this process, one after the other, for tests that are not about processes."""

    def run(engine: Any, tasks: Iterator[Any], work: Any, *, retries: int, stop: Any, began: Any) -> Iterator[Any]:
        for task in tasks:
            if stop():
                return
            began(task, 1)
            answer = attempt(work, task, versions(), 0)
            yield TaskOutcome(task, answer.get("result"), answer.get("error"), 1)

    monkeypatch.setattr("tools.batch.command.run_tasks", run)
