"""`--on local`: own processes of this machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from tools.batch.engines.placement import Placement
from tools.batch.engines.processes import ProcessExecutor


class LocalEngine:
    """Tasks in own processes; one that is killed takes its own task with it and no other.

    Args:
        placement: number of processes, and what each gets.
        warm: called once in each new process.
    """

    link = ""
    alone = True
    threads = 0  # the processes know it from their start

    def __init__(self, placement: Placement, warm: Callable[[], object] | None = None) -> None:
        self._placement = placement
        self.executor = ProcessExecutor(placement.workers, placement.threads, placement.gpus, warm)

    @property
    def name(self) -> str:
        many = self._placement.workers != 1
        threads = f"{self._placement.threads} thread{'s' * (self._placement.threads != 1)}"
        return f"{self._placement.workers} process{'es' * many} of {threads}"

    def room(self) -> int:
        return self._placement.workers

    def renew(self) -> None:
        """Not needed: processes are started again one by one."""

    def lost(self) -> str:
        return "the processes were ended from outside; run the same command again, and it goes on."

    def failure(self, error: BaseException) -> str | None:
        return None

    def drop(self, futures: list[Future[Any]]) -> None:
        self.executor.kill(futures)

    def close(self) -> None:
        """Ends all processes, also working ones."""
        self.executor.shutdown(cancel_futures=True)
