"""Opens an engine by the text of `--on`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from models.extras import require
from tools.batch.engines.config import EngineConfig, TaskPlace, bytes_of
from tools.batch.engines.types import TaskEngine, TaskNeeds

if TYPE_CHECKING:
    from tools.batch.engines.dask_cluster import DaskEngine
    from tools.batch.engines.factory import FactoryEngine
    from tools.batch.engines.local import LocalEngine


@contextmanager
def open_engine(
    on: str = "local",
    *,
    needs: TaskNeeds | None = None,
    warm: Callable[[], object] | None = None,
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
    engine = _opened(TaskPlace.of(on), needs or TaskNeeds(), warm)
    try:
        yield engine
    finally:
        engine.close()


def _opened(
    where: TaskPlace, needs: TaskNeeds, warm: Callable[[], object] | None
) -> LocalEngine | DaskEngine | FactoryEngine:
    if where.kind == "local":
        from tools.batch.engines.local import LocalEngine
        from tools.batch.engines.placement import place_tasks

        return LocalEngine(place_tasks(where.workers, needs), warm)
    if where.kind == "python":
        from tools.batch.engines.factory import FactoryEngine

        return FactoryEngine(where.address, needs.threads)
    require("--on dask" if where.kind == "dask" else f"--on {where.address}", "dask", "distributed", "cryptography")
    from tools.batch.engines import dask_cluster

    if where.kind == "dask":
        return dask_cluster.start(where.workers, needs)
    return dask_cluster.connect(where.address, needs)


def needs_of(config: EngineConfig) -> TaskNeeds:
    """What one task takes by the settings."""
    memory = bytes_of(config.task_memory) if config.task_memory else 0
    return TaskNeeds(config.task_threads, memory, config.task_gpus)
