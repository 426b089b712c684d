"""An executor of own processes that can die without taking others with them.

`ProcessPoolExecutor` breaks as a whole when one of its processes is killed, and does not say which call was in it. Here
each process has a thread of this process that waits for it: a call fails only with its own process, and that process is
started again.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Any

from models.runtime.compute import limit_cores
from tools.track.workers import SAFE_PATH, end_with_parent

LIBRARIES = ("OMP", "OPENBLAS", "MKL", "VECLIB", "NUMEXPR")  # whose threads <NAME>_NUM_THREADS limits
CLOSE_S = 5.0  # seconds that an idle process has for its end

_starting = threading.Lock()  # the environment is changed while a process starts


class ProcessEnded(BrokenExecutor):
    """The process of a call ended before the call did."""


class WorkerProcess:
    """One process that does one call after the other.

    Args:
        threads: CPU threads for each call.
        gpus: value of CUDA_VISIBLE_DEVICES; None leaves it.
        warm: called once in the new process.
    """

    def __init__(self, threads: int, gpus: str | None, warm: Callable[[], object] | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, threads, gpus, warm), name="liquidtrack-task", daemon=False
        )
        with _starting:
            before = os.environ.get(SAFE_PATH)
            os.environ[SAFE_PATH] = "1"  # no modules of the working folder, which may be untrusted
            try:
                self._process.start()
            finally:
                if before is None:
                    del os.environ[SAFE_PATH]
                else:
                    os.environ[SAFE_PATH] = before
        theirs.close()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def call(self, packed: bytes) -> tuple[bool, Any]:
        """(whether it returned, its value or error) of a pickled call.

        Raises:
            ProcessEnded: the process ended first.
        """
        try:
            self._connection.send_bytes(packed)
            ready = wait_for([self._connection, self._process.sentinel])
            if self._connection in ready or self._connection.poll():
                answer = pickle.loads(self._connection.recv_bytes())
                return bool(answer[0]), answer[1]
        except (EOFError, OSError):
            pass
        self._process.join(CLOSE_S)
        raise ProcessEnded(_how(self._process.exitcode))

    def kill(self) -> None:
        """Ends the process now. Its files are complete up to their last write."""
        self._process.kill()

    def close(self) -> None:
        """Lets an idle process end."""
        self._connection.close()
        self._process.join(CLOSE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(CLOSE_S)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            return f"by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
    return f"with exit code {code}"


def _serve(connection: Connection, threads: int, gpus: str | None, warm: Callable[[], object] | None) -> None:
    """Main function of the process: calls come through `connection` until the other side closes it."""
    limit_cores(threads)
    for library in LIBRARIES:
        os.environ[f"{library}_NUM_THREADS"] = str(threads)
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus
    from tools.cli.messages import guard_streams

    guard_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    if warm is not None:
        with contextlib.suppress(Exception):  # a call that needs the same meets the same error and says it
            warm()
    while True:
        try:
            packed = connection.recv_bytes()
        except (EOFError, OSError):
            return
        connection.send_bytes(_answered(packed))


def _answered(packed: bytes) -> bytes:
    try:
        function, args, kwargs = pickle.loads(packed)
        return pickle.dumps((True, function(*args, **kwargs)))
    except BaseException as error:
        try:
            return pickle.dumps((False, error))
        except Exception:  # an error that cannot be pickled
            return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


class ProcessExecutor(Executor):
    """Own processes behind the interface of `concurrent.futures`.

    A process is started with the first call that finds no idle one, so that few calls start few processes.

    Args:
        workers: number of processes.
        threads: CPU threads for each call.
        gpus: value of CUDA_VISIBLE_DEVICES for each of the processes; empty where it is left.
        warm: called once in each new process, before its first call.
    """

    def __init__(
        self, workers: int, threads: int = 1, gpus: Sequence[str] = (), warm: Callable[[], object] | None = None
    ) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], bytes] | None] = queue.SimpleQueue()
        self._settings = [(threads, gpus[k] if gpus else None, warm) for k in range(workers)]
        self._running: dict[Future[Any], WorkerProcess | None] = {}  # None while the process starts
        self._unwanted: set[Future[Any]] = set()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As in `concurrent.futures`.

        Raises:
            RuntimeError: after `shutdown`.
        """
        packed = pickle.dumps((fn, args, kwargs))
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the executor is shut down")
            if self._idle:
                self._idle -= 1
            elif len(self._threads) < len(self._settings):
                settings = self._settings[len(self._threads)]
                thread = threading.Thread(
                    target=self._attend, args=settings, daemon=True, name=f"liquidtrack-task-{len(self._threads)}"
                )
                self._threads.append(thread)
                thread.start()
            self._calls.put((future, packed))
        return future

    def pids(self) -> list[int]:
        """Processes that work on a call now."""
        with self._lock:
            return [worker.pid for worker in self._running.values() if worker is not None]

    def kill(self, futures: Iterable[Future[Any]]) -> None:
        """Ends the processes that work on these calls now; calls that wait are cancelled."""
        with self._lock:
            for future in futures:
                if not future.cancel() and future in self._running:
                    self._unwanted.add(future)
                    if (worker := self._running[future]) is not None:
                        worker.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As in `concurrent.futures`; with `cancel_futures` running calls are ended too."""
        with self._lock:
            self._closed = True
            threads, self._threads = self._threads, []
        if cancel_futures:
            with contextlib.suppress(queue.Empty):
                while True:
                    if (item := self._calls.get_nowait()) is not None:
                        item[0].cancel()
            self.kill(list(self._running))
        for _ in threads:
            self._calls.put(None)
        if wait:
            for thread in threads:
                thread.join()

    def _attend(self, threads: int, gpus: str | None, warm: Callable[[], object] | None) -> None:
        """Loop of the thread of one process."""
        worker: WorkerProcess | None = None
        while (item := self._calls.get()) is not None:
            future, packed = item
            with self._lock:
                wanted = future.set_running_or_notify_cancel()
                if wanted:
                    self._running[future] = None
            if wanted:
                try:
                    if worker is None or not worker.alive:  # also one that was killed while it was idle
                        worker = WorkerProcess(threads, gpus, warm)
                    with self._lock:
                        self._running[future] = worker
                        if future in self._unwanted:
                            worker.kill()
                    value = worker.call(packed)
                except Exception as error:  # ProcessEnded, or the system starts no process
                    if worker is not None:
                        worker.close()
                        worker = None
                    value = False, error
            with self._lock:
                self._running.pop(future, None)
                self._unwanted.discard(future)
                self._idle += 1
            if wanted:
                (future.set_result if value[0] else future.set_exception)(value[1])
                del value
            del item, future, packed
        if worker is not None:
            worker.close()
