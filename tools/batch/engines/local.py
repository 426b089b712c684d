"""`--on local`: own processes of this machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from tools.batch.engines.attempt import attempt, versions
from tools.batch.engines.placement import Placement
from tools.batch.engines.processes import ProcessEnded, ProcessExecutor
from tools.batch.engines.types import Answer, Death


class LocalEngine:
    """Tasks in own processes; one that is killed takes its own task with it and no other.

    Args:
        placement: number of processes, and what each gets.
        warm: called once in each new process.
    """

    link = ""
    alone = True

    def __init__(self, placement: Placement, warm: Callable[[], object] | None = None) -> None:
        self._placement = placement
        self._versions = versions()
        self._executor = ProcessExecutor(placement.workers, placement.threads, placement.gpus, warm)

    @property
    def name(self) -> str:
        many = self._placement.workers != 1
        threads = f"{self._placement.threads} thread{'s' * (self._placement.threads != 1)}"
        return f"{self._placement.workers} process{'es' * many} of {threads}"

    def room(self) -> int:
        return self._placement.workers

    def submit(self, work: Callable[[Any], Answer], task: Any) -> Future[Answer]:
        return self._executor.submit(attempt, work, task, self._versions)

    def pids(self) -> list[int]:
        """Processes that work on a task now."""
        return self._executor.pids()

    def renew(self) -> None:
        """Not needed: processes are started again one by one."""

    def death(self, future: Future[Answer], error: BaseException) -> Death | None:
        return Death(f"its process was ended {error}") if isinstance(error, ProcessEnded) else None

    def lost(self) -> str:
        return "the processes were ended from outside; run the same command again, and it goes on."

    def drop(self, futures: list[Future[Answer]]) -> None:
        self._executor.kill(futures)

    def close(self) -> None:
        """Ends all processes, also working ones."""
        self._executor.shutdown(cancel_futures=True)
