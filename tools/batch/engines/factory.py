"""`--on python:MODULE:FACTORY`: an executor of the user's, such as that of parsl, executorlib or mpi4py."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

from models.errors import ConfigError, LiquidTrackError
from tools.batch.engines.attempt import attempt, versions
from tools.batch.engines.types import Answer, Death, EngineError
from tracker.detectors.python_callable import load_object

ROOM = 64  # calls in flight where the executor does not say how many workers it has


class FactoryEngine:
    """Tasks in the executor that a function returns.

    A broken executor is replaced by calling the function again.

    Args:
        text: MODULE:FACTORY, or FILE.py:FACTORY.
        threads: CPU threads of a task; 0 leaves the workers as they are.

    Raises:
        ConfigError: the function cannot be loaded, fails, or returns something else.
    """

    link = ""
    alone = False

    def __init__(self, text: str, threads: int) -> None:
        self._text = text
        self._factory: Any = load_object(text, "--on")
        self._threads, self._versions = threads, versions()
        self._executor = self._made()

    def _made(self) -> Executor:
        try:
            made = self._factory()
        except LiquidTrackError:
            raise
        except Exception as error:  # the user's code
            raise ConfigError(f"--on python:{self._text} failed ({type(error).__name__}: {error}).") from error
        if not (callable(getattr(made, "submit", None)) and callable(getattr(made, "shutdown", None))):
            raise ConfigError(
                f"--on python:{self._text} returned a {type(made).__name__}; return a concurrent.futures.Executor."
            )
        return made  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return f"the executor of {self._text}"

    def room(self) -> int:
        workers = getattr(self._executor, "_max_workers", None)
        return 2 * workers if isinstance(workers, int) and workers > 0 else ROOM

    def submit(self, work: Callable[[Any], Answer], task: Any) -> Future[Answer]:
        return self._executor.submit(attempt, work, task, self._versions, self._threads)

    def renew(self) -> None:
        with contextlib.suppress(Exception):
            self._executor.shutdown(wait=False)
        try:
            self._executor = self._made()
        except ConfigError as error:
            raise EngineError(f"the executor broke and there is no new one: {error}") from error

    def lost(self) -> str:
        return f"{self.name} cancelled tasks; run the same command again, and it goes on."

    def death(self, future: Future[Answer], error: BaseException) -> Death | None:
        return Death("it broke the executor that worked on it") if isinstance(error, BrokenExecutor) else None

    def drop(self, futures: list[Future[Answer]]) -> None:
        for future in futures:
            future.cancel()

    def close(self, wait: bool = True) -> None:
        """Shuts the executor down."""
        try:
            self._executor.shutdown(wait=wait, cancel_futures=True)
        except TypeError:  # an executor without that argument
            self._executor.shutdown(wait=wait)
