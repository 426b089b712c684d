"""`--on dask` and `--on tcp://HOST:PORT`: tasks on the workers of a Dask scheduler."""

from __future__ import annotations

import contextlib
import itertools
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from importlib.util import find_spec
from typing import Any

import dask
from distributed import Client, KilledWorker, Nanny, Scheduler, Security, SpecCluster, get_worker

from models.errors import ConfigError
from tools.batch.engines.attempt import attempt, differing, versions
from tools.batch.engines.dask_logs import log_file, quiet_warnings, silence
from tools.batch.engines.placement import place_tasks
from tools.batch.engines.types import Answer, Death, EngineError, TaskNeeds
from tools.cli.messages import complain

CONNECT_S = 5.0  # seconds that a scheduler has for its answer
CLOSE_S = 5.0
ASK_S = 2.0  # seconds between two questions how many workers there are
TELL_S = 0.02  # seconds that a worker's message needs to leave it; a task that kills its worker at once would lose it
MIN_ROOM = 64  # tasks in flight at least, so that an adaptive cluster sees that there is work
AHEAD = 2  # tasks in flight for each thread of the workers
OURS = "127.0.0.1"


def introduce(dask_worker: Any) -> tuple[tuple[str, str], dict[str, float]]:
    """(versions, resources) of a worker; runs there, and Dask gives it the worker by this name."""
    return versions(), dict(dask_worker.state.total_resources)


def announced(
    topic: str, ident: str, work: Callable[[Any], Answer], task: Any, expected: tuple[str, str], threads: int
) -> Answer:
    """`attempt`, after telling the client that the task has begun; runs in a worker.

    When a worker ends, Dask suspects all tasks that were assigned to it, also those that had not begun.
    """
    get_worker().log_event(topic, ident)
    time.sleep(TELL_S)
    return attempt(work, task, expected, threads)


class DaskEngine:
    """Tasks on the workers of a scheduler.

    Args:
        address: of the scheduler.
        client: connected to it.
        cluster: the cluster that was started for this run, else None.
        needs: what one task takes.
        threads: CPU threads of one task.
    """

    alone = True

    def __init__(self, address: str, client: Any, cluster: Any, needs: TaskNeeds, threads: int) -> None:
        self._address, self._client, self._cluster, self._threads = address, client, cluster, threads
        resources = {} if cluster is not None else demanded(needs)
        self._executor: Executor = client.get_executor(pure=False, **({"resources": resources} if resources else {}))
        self._workers_threads, self._asked = 0, float("-inf")
        self._versions, self._topic = versions(), f"liquidtrack-{uuid.uuid4()}"
        self._idents = itertools.count()
        self._flying: dict[Future[Answer], str] = {}
        self._begun: Counter[str] = Counter()
        client.subscribe_topic(self._topic, self._count)

    def _count(self, event: tuple[float, str]) -> None:
        self._begun[event[1]] += 1

    @property
    def name(self) -> str:
        if self._cluster is not None:
            count = len(self._cluster.worker_spec)
            return f"a Dask cluster of {count} process{'es' * (count != 1)}"
        return f"the Dask cluster at {self._address}"

    @property
    def link(self) -> str:
        shown = self._cluster is None or _has_dashboard()
        return str(self._client.dashboard_link or "") if shown else ""

    def room(self) -> int:
        now = time.monotonic()
        if now - self._asked > ASK_S:
            try:
                self._workers_threads = sum(self._client.nthreads().values())
            except Exception as error:  # a dozen types, by the moment at which the connection is lost
                raise EngineError(self.lost()) from error
            self._asked = now
        return max(AHEAD * self._workers_threads, 1 if self._cluster is not None else MIN_ROOM)

    def submit(self, work: Callable[[Any], Answer], task: Any) -> Future[Answer]:
        ident = str(next(self._idents))
        try:
            future = self._executor.submit(announced, self._topic, ident, work, task, self._versions, self._threads)
        except Exception as error:
            if self._client.status == "running":
                raise
            raise EngineError(self.lost()) from error
        self._flying[future] = ident
        future.add_done_callback(self._landed)
        return future

    def _landed(self, future: Future[Answer]) -> None:
        if future.cancelled() or future.exception() is None:
            self._begun.pop(self._flying.pop(future, ""), None)

    def renew(self) -> None:
        """Not needed: workers are started again by the cluster."""

    def death(self, future: Future[Answer], error: BaseException) -> Death | None:
        begun = self._begun.pop(self._flying.pop(future, ""), 0)
        if not isinstance(error, KilledWorker):
            return None
        where = getattr(error.last_worker, "address", error.last_worker)
        return Death(f"the worker {where} ended while it worked on it, perhaps for want of memory", begun)

    def lost(self) -> str:
        return f"the Dask scheduler at {self._address} is gone; run the same command again, and it goes on."

    def drop(self, futures: list[Future[Answer]]) -> None:
        for future in futures:
            future.cancel()

    def close(self) -> None:
        """Leaves the scheduler; ends an own cluster with everything that runs on it."""
        with contextlib.suppress(Exception), quiet_warnings():
            self._executor.shutdown(wait=False)
            self._client.close(timeout=CLOSE_S)
        if self._cluster is not None:
            with contextlib.suppress(Exception), quiet_warnings():
                self._cluster.close(timeout=CLOSE_S)


def demanded(needs: TaskNeeds) -> dict[str, float]:
    """The resources of Dask that a task needs."""
    named = {"MEMORY": float(needs.memory), "GPU": float(needs.gpus)}
    return {name: amount for name, amount in named.items() if amount}


def connect(address: str, needs: TaskNeeds) -> DaskEngine:
    """The engine of a running scheduler.

    Raises:
        EngineError: it does not answer.
        ConfigError: its workers have other versions, or offer less than a task needs.
    """
    silence()
    client = _client(address)
    try:
        _check_dask(client, address)
        _check_workers(client, address, demanded(needs))
        return DaskEngine(address, client, None, needs, needs.threads or 1)
    except BaseException:
        with contextlib.suppress(Exception), quiet_warnings():
            client.close(timeout=CLOSE_S)
        raise


def start(workers: int, needs: TaskNeeds) -> DaskEngine:
    """The engine of an own cluster on this machine: reachable by this user alone, gone at the end.

    Raises:
        ConfigError: the machine has less than a task needs.
        EngineError: the cluster cannot be started.
    """
    placed = place_tasks(workers, needs)
    silence()
    try:
        # The first worker that ends hands its tasks back: who is to blame is decided here.
        with quiet_warnings(), dask.config.set({"distributed.scheduler.allowed-failures": 0}):
            security = Security.temporary()  # others on this machine could send code to an open port
            common = {"host": OURS, "protocol": "tls://", "security": security, "dashboard_address": f"{OURS}:0"}
            options = {**common, "nthreads": 1, "memory_limit": 0, "dashboard": False, "silence_logs": 60}
            environment = {"PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "ignore"}
            gpus = [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in placed.gpus] or [{}] * placed.workers
            cluster = SpecCluster(
                workers={
                    k: {"cls": Nanny, "options": {**options, "env": {**environment, **gpu}}}
                    for k, gpu in enumerate(gpus)
                },
                scheduler={"cls": Scheduler, "options": {**common, "dashboard": _has_dashboard()}},
                security=security,
                silence_logs=False,
            )
    except Exception as error:  # of the system or of a configuration file of Dask's
        raise EngineError(
            f"no Dask cluster could be started here ({type(error).__name__}: {error}); {log_file()} tells more."
        ) from error
    try:
        client = _client(cluster.scheduler_address, security)
    except BaseException:
        cluster.close(timeout=CLOSE_S)
        raise
    return DaskEngine(cluster.scheduler_address, client, cluster, needs, placed.threads)


def _client(address: str, security: Any = None) -> Any:
    try:
        with quiet_warnings():
            return Client(address, timeout=CONNECT_S, set_as_default=False, security=security)
    except Exception as error:  # OSError, or what TLS and the configuration raise
        reason = str(error).splitlines()[0].rstrip(".") if str(error) and not isinstance(error, OSError) else ""
        raise EngineError(
            f"no Dask scheduler answers at {address}{f' ({reason})' if reason else ''}; "
            "check the address, and whether it runs (dask scheduler)."
        ) from error


def _check_dask(client: Any, address: str) -> None:
    """Dask's own versions, also that of the scheduler, which needs no liquidtrack."""
    try:
        found = client.get_versions(check=False)
    except Exception as error:
        raise EngineError(f"the Dask scheduler at {address} broke off; start it again.") from error
    ours = found["client"]["packages"]["distributed"]
    for name, there in [("scheduler", found["scheduler"]), *found["workers"].items()]:
        if there and (theirs := there["packages"].get("distributed")) != ours:
            raise ConfigError(
                f"the {'' if name == 'scheduler' else 'worker '}{name} at {address} has distributed {theirs} and this "
                f"command {ours}; install the same version on both."
            )


def _check_workers(client: Any, address: str, needed: dict[str, float]) -> None:
    try:
        answers = client.run(introduce, on_error="return")
    except Exception as error:
        raise EngineError(f"the Dask scheduler at {address} broke off; start it again.") from error
    if not answers:
        complain(f"the Dask scheduler at {address} has no workers yet; waiting for them.")
        return
    offers = []
    for worker, answer in answers.items():
        if isinstance(answer, BaseException):
            raise ConfigError(
                f"the worker {worker} cannot import liquidtrack ({type(answer).__name__}: {answer}); "
                f"install liquidtrack {versions()[0]} where the workers run."
            )
        theirs, offered = answer
        if said := differing(worker, theirs, versions()):
            raise ConfigError(said)
        offers.append(offered)
    if needed and not any(all(offer.get(name, 0) >= amount for name, amount in needed.items()) for offer in offers):
        wanted = " ".join(f"{name}={amount:g}" for name, amount in needed.items())
        raise ConfigError(
            f"no worker at {address} offers what a recording needs; "
            f'start workers with --resources "{wanted}", or lower --task-memory or --task-gpus.'
        )


def _has_dashboard() -> bool:
    return find_spec("bokeh") is not None
