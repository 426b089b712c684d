"""The one loop that feeds tasks to an engine: lazily, with a bounded number in flight, and repeats what failed."""

from __future__ import annotations

import heapq
import itertools
import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from models.checks.printable import one_line
from tools.batch.engines.types import Answer, Began, EngineError, TaskEngine, TaskOutcome

T = TypeVar("T")
POLL_S = 0.2  # seconds between two questions whether to stop, and to a source of tasks that has nothing now
PAUSE_S = 1.0  # seconds before the first repetition; twice as many before each further one
MAX_PAUSE_S = 60.0
BREAK_S = 60.0  # seconds until a broken executor has told all its calls
MAX_SPARED = 20  # times that a task is held innocent of the end of processes
MAX_SENTENCE = 300  # characters of an error of an executor


def run_tasks(
    engine: TaskEngine,
    tasks: Iterable[T | None],
    work: Callable[[T], Answer],
    *,
    retries: int = 2,
    stop: Callable[[], bool] = lambda: False,
    began: Began[T] | None = None,
    pause_s: float = PAUSE_S,
) -> Iterator[TaskOutcome[T]]:
    """Does `work` for every task somewhere in `engine`; the outcomes come as they are ready, in any order.

    A task is repeated up to `retries` times when its process was ended from outside or `work` raised, except for a
    `LiquidTrackError` with exit code 2: a damaged file or a wrong setting is the same the next time. Where one broken
    call breaks others too, those that were in flight run again one at a time, so that only the guilty one is blamed.

    `work` may run twice for one task, at the same time even, where a cluster loses sight of a worker. It must leave
    complete files or none, and stop without a result where it was interrupted.

    >>> with open_engine("local:2") as engine:
    ...     for outcome in run_tasks(engine, paths, work):
    ...         print(outcome.task, outcome.error or outcome.result)

    Args:
        engine: of `open_engine`.
        tasks: read only when there is room for one more. None in it says that there is no task now but may be later.
        work: a function that can be pickled by its name, or a `functools.partial` of one. What it returns is small.
        retries: further tries of a task.
        stop: asked five times a second; when it is true nothing more is begun, and what runs is dropped.
        began: called with a task and the number of its try whenever it is handed to the engine.
        pause_s: seconds before the first repetition of a task; doubled before each further one.

    Raises:
        EngineError: the engine is gone; the outcomes so far stand.
    """
    loop = _Loop(engine, tasks, work, retries, began, pause_s)
    try:
        while not stop():
            loop.feed()
            if loop.finished:
                return
            if (future := loop.next_done()) is not None:
                yield from loop.settle(future)
        while (future := loop.done_now()) is not None:
            yield from loop.settle(future)
    finally:
        engine.drop(list(loop.running))


@dataclass(slots=True)
class _Job(Generic[T]):
    task: T
    tries: int = 0
    spared: int = 0  # how often it was in flight where others broke a process


class _Loop(Generic[T]):
    """All tasks that are begun and not finished."""

    def __init__(
        self,
        engine: TaskEngine,
        tasks: Iterable[T | None],
        work: Callable[[T], Answer],
        retries: int,
        began: Began[T] | None,
        pause_s: float,
    ) -> None:
        self._engine, self._feed, self._work = engine, iter(tasks), work
        self._retries, self._began, self._pause_s = retries, began, pause_s
        self.running: dict[Future[Any], _Job[T]] = {}
        self._later: list[tuple[float, int, _Job[T]]] = []  # (when, order, job): a heap
        self._suspects: deque[_Job[T]] = deque()  # one of them broke the executor of all
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._order = itertools.count()
        self._open, self._quiet_until = True, 0.0

    @property
    def finished(self) -> bool:
        return not (self.running or self._later or self._suspects or self._open)

    def feed(self) -> None:
        """Hands tasks to the engine while it has room."""
        while True:
            room = 1 if self._suspects else self._engine.room()
            if len(self.running) >= room or (job := self._next()) is None:
                return
            self._begin(job)

    def _next(self) -> _Job[T] | None:
        """What to begin now, or None."""
        now = time.monotonic()
        if self._suspects:
            return self._suspects.popleft()
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[2]
        if not self._open or now < self._quiet_until:
            return None
        try:
            task = next(self._feed)
        except StopIteration:
            self._open = False
            return None
        if task is None:
            self._quiet_until = now + POLL_S
            return None
        return _Job(task)

    def _begin(self, job: _Job[T]) -> None:
        try:
            future = self._engine.submit(self._work, job.task)
        except BrokenExecutor:  # it broke since the last call
            self._suspects.append(job)
            if not self.running:
                self._engine.renew()
            return
        job.tries += 1
        self.running[future] = job
        if self._began is not None:
            self._began(job.task, job.tries)
        future.add_done_callback(self._done.put)

    def next_done(self) -> Future[Any] | None:
        """A finished call; None where none finished within POLL_S."""
        timeout = POLL_S
        if self._later and not self.running:
            timeout = min(POLL_S, max(0.0, self._later[0][0] - time.monotonic()))
        try:
            return self._done.get(timeout=timeout)
        except queue.Empty:
            return None

    def done_now(self) -> Future[Any] | None:
        """A call that has finished already, or None."""
        try:
            return self._done.get_nowait()
        except queue.Empty:
            return None

    def settle(self, future: Future[Any]) -> Iterator[TaskOutcome[T]]:
        """What follows from a finished call: an outcome, or another try."""
        if future not in self.running:  # was settled together with others
            return
        if future.cancelled():
            raise EngineError(self._engine.lost())
        error = future.exception()
        if isinstance(error, BrokenExecutor) and not self._engine.alone:
            yield from self._broken(future)
            return
        job = self.running.pop(future)
        if error is None:
            yield from self._answered(job, future.result())
        elif (death := self._engine.death(future, error)) is None:
            first = one_line((str(error).splitlines() or [""])[0][:MAX_SENTENCE]).rstrip(".")
            yield from self._repeated(job, f"it could not be worked on ({type(error).__name__}: {first})")
        elif death.begun or job.spared >= MAX_SPARED:
            job.tries += death.begun - 1
            yield from self._repeated(job, death.why)
        else:
            job.tries -= 1
            job.spared += 1
            self._again(job)

    def _answered(self, job: _Job[T], answer: Answer) -> Iterator[TaskOutcome[T]]:
        if "refused" in answer:
            raise EngineError(answer["refused"])
        if "error" not in answer:
            yield TaskOutcome(job.task, answer["result"], None, job.tries)
        elif answer["final"] or job.tries > self._retries:
            yield TaskOutcome(job.task, None, answer["error"], job.tries)
        else:
            self._again(job)

    def _broken(self, future: Future[Any]) -> Iterator[TaskOutcome[T]]:
        """One call broke the executor and with it all that were in flight."""
        wait_for(self.running, timeout=BREAK_S)
        broken = [one for one in self.running if _is_broken(one)]
        jobs = [self.running.pop(one) for one in broken]
        for other in [one for one in self.running if one.done()]:
            yield from self.settle(other)
        self._engine.renew()
        if len(jobs) == 1:
            yield from self._repeated(jobs[0], "it broke the executor that worked on it")
            return
        for job in jobs:
            job.tries -= 1
        self._suspects.extend(jobs)

    def _repeated(self, job: _Job[T], why: str) -> Iterator[TaskOutcome[T]]:
        if job.tries > self._retries:
            times = f", in each of {job.tries} tries" if job.tries > 1 else ""
            yield TaskOutcome(job.task, None, f"{why}{times}; it is left out.", job.tries)
        else:
            self._again(job)

    def _again(self, job: _Job[T]) -> None:
        pause = min(self._pause_s * 2 ** max(0, job.tries - 1), MAX_PAUSE_S)
        heapq.heappush(self._later, (time.monotonic() + pause, next(self._order), job))


def _is_broken(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and isinstance(future.exception(), BrokenExecutor)
