"""Opens an engine by the text of `--on`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tools.batch.engines.config import EngineConfig, TaskPlace, bytes_of
from tools.batch.engines.types import TaskEngine, TaskNeeds


@contextmanager
def open_engine(
    on: str = "local", *, needs: TaskNeeds | None = None, warm: Callable[[], object] | None = None
) -> Iterator[TaskEngine]:
    """The engine that `on` names. At the end of the context nothing of it is left running on this machine.

    Args:
        on: "local", "local:N", "dask", "dask:N", "tcp://HOST:PORT", "tls://HOST:PORT" or "python:MODULE:FACTORY".
        needs: what one task takes.
        warm: called once in each new process of this machine, so that the first task finds its modules loaded; a
            function that can be pickled by its name.

    Raises:
        ConfigError: there is no such place, it lacks what a task needs, or its workers have other versions.
        EngineError: a scheduler that does not answer.
    """
    where, needs = TaskPlace.of(on), needs or TaskNeeds()
    if where.kind == "python":
        from tools.batch.engines.factory import FactoryEngine

        engine = FactoryEngine(where.address, needs.threads)
        try:
            yield engine
        finally:
            engine.close()
        return
    if where.kind == "local":
        from tools.batch.engines.local import LocalEngine
        from tools.batch.engines.placement import place_tasks

        local = LocalEngine(place_tasks(where.workers, needs), warm)
        try:
            yield local
        finally:
            local.close()
        return
    raise NotImplementedError


def needs_of(config: EngineConfig) -> TaskNeeds:
    """What one task takes by the settings."""
    memory = bytes_of(config.task_memory) if config.task_memory else 0
    return TaskNeeds(config.task_threads, memory, config.task_gpus)
