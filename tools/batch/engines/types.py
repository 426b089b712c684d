"""What the engines and the loop that feeds them share: needs of a task, its outcome, the interface of an engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from models.errors import LiquidTrackError

T = TypeVar("T")
Answer = dict[str, Any]


class EngineError(LiquidTrackError):
    """The place where tasks run is gone or cannot be used; what is done stays done."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class TaskNeeds:
    """What one task takes while it runs.

    Attributes:
        threads: CPU threads; 0 where the engine decides.
        memory: bytes; 0 where it is not known.
        gpus: GPUs, also a part of one.
    """

    threads: int = 0
    memory: int = 0
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class TaskOutcome(Generic[T]):
    """What became of a task: a result or an error.

    Attributes:
        task: the task.
        result: what `work` returned; None where it failed.
        error: one sentence; None where it did not fail.
        tries: how often it was begun; more than 1 where it was repeated.
    """

    task: T
    result: Answer | None
    error: str | None
    tries: int


class TaskEngine(Protocol):
    """A place where tasks run.

    Attributes:
        alone: whether a call that breaks its process breaks no other call.
    """

    @property
    def name(self) -> str:
        """For people, such as "2 processes of 1 thread"."""

    @property
    def link(self) -> str:
        """Address of a page that shows what runs; "" where there is none."""

    @property
    def alone(self) -> bool: ...

    def room(self) -> int:
        """How many tasks may be in flight now; it changes where workers come and go.

        Raises:
            EngineError: the engine is gone.
        """

    def submit(self, work: Callable[[Any], Answer], task: Any) -> Future[Answer]:
        """Has `attempt` do `work(task)`.

        Raises:
            BrokenExecutor: earlier calls have broken the executor.
        """

    def renew(self) -> None:
        """Takes a new executor in place of a broken one, where the breaking was not alone."""

    def death(self, future: Future[Answer], error: BaseException) -> Death | None:
        """What is known of an error that says that the processes of this call ended; None for other errors."""

    def lost(self) -> str:
        """The sentence about futures that were cancelled by nobody here."""

    def drop(self, futures: list[Future[Answer]]) -> None:
        """Gives up calls in flight, also running ones where that can be done."""


@dataclass(frozen=True, slots=True)
class Death:
    """The end of the processes that were to work on a task.

    Attributes:
        why: the sentence's begin, without a full stop.
        begun: how many of them had begun with it; 0 where the task is innocent.
    """

    why: str
    begun: int = 1


Began = Callable[[T, int], None]
