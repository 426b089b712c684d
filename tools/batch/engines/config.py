"""Settings of the engines: where the tasks run, and what one of them needs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from models.checks.limits import WORKERS, check_ranges
from models.errors import ConfigError

CHOICES = "local, local:N, dask, dask:N, tcp://HOST:PORT, tls://HOST:PORT or python:MODULE:FACTORY"
_COUNTED = re.compile(r"(local|dask)(?::(\d{1,6}))?")
_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_MEMORY = re.compile(r"([0-9]*\.?[0-9]+(?:e[0-9]{1,2})?)\s*([kmgt]i?)?b?", re.IGNORECASE)
MAX_RETRIES = 100
MAX_GPUS = 64.0


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """Where tasks run, as `--on` names it.

    Attributes:
        kind: "local", "dask" for an own Dask cluster, "scheduler" for a running one, or "python".
        workers: number of processes; 0 where the machine decides.
        address: of the scheduler, or MODULE:FACTORY.
    """

    kind: str
    workers: int = 0
    address: str = ""

    @classmethod
    def of(cls, text: str) -> TaskPlace:
        """The place that `--on` names.

        >>> TaskPlace.of("local:4")
        TaskPlace(kind='local', workers=4, address='')

        Raises:
            ConfigError: it names none.
        """
        if found := _COUNTED.fullmatch(text):
            workers = int(found[2]) if found[2] else 0
            if found[2] and not 1 <= workers <= WORKERS:
                raise ConfigError(f"--on {text}: give 1 to {WORKERS} processes.")
            return cls(found[1], workers)
        kind, _, rest = text.partition(":")
        if kind in ("tcp", "tls") and re.fullmatch(r"//[^/\s]+:\d{1,5}/?", rest):
            return cls("scheduler", 0, text)
        if kind == "python" and re.fullmatch(r".+:[^:]+", rest):
            return cls("python", 0, rest)
        raise ConfigError(f"--on {text}: there is no such place; give {CHOICES}.")


def bytes_of(text: str) -> int:
    """Bytes of a text such as 2GB, 1.5GiB or 500MB.

    >>> bytes_of("1.5GiB"), bytes_of("500 MB")
    (1610612736, 500000000)

    Raises:
        ConfigError: it is no amount of memory.
    """
    found = _MEMORY.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"task_memory is {text!r}; give an amount such as 2GB or 500MiB.")
    number = float(found[1]) * _UNITS[(found[2] or "").lower()]
    if not math.isfinite(number) or number < 1:
        raise ConfigError(f"task_memory is {text!r}; give more than 0 bytes.")
    return int(number)


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Where the recordings are worked on, and what one of them needs there.

    Attributes:
        on: where to run. local: processes of this machine, as many as its cores and memory allow; local:N: N of them;
            dask: a Dask cluster of this machine; tcp://HOST:PORT or tls://HOST:PORT: a running Dask scheduler;
            python:MODULE:FACTORY: a function that returns a concurrent.futures.Executor.
        retries: further tries of a recording that failed for another reason than its content or settings.
        task_threads: CPU threads of one recording. 0 divides the cores among the processes; on a running cluster it is
            1.
        task_memory: memory that one recording needs, such as 2GB. Fewer are worked on at once where there is less; a
            running cluster needs workers with the resource MEMORY, in bytes.
        task_gpus: GPUs that one recording needs; 0.5 lets two share one. A running cluster needs workers with the
            resource GPU.
    """

    on: str = "local"
    retries: int = 2
    task_threads: int = 0
    task_memory: str = ""
    task_gpus: float = 0.0

    def __post_init__(self) -> None:
        TaskPlace.of(self.on)
        check_ranges(self, {"retries": (0, MAX_RETRIES), "task_threads": (0, WORKERS), "task_gpus": (0.0, MAX_GPUS)})
        if self.task_memory:
            bytes_of(self.task_memory)
