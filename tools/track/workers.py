"""Worker processes of a command: they end with it in every case, and run only our code."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from models.errors import LiquidTrackError

A = TypeVar("A")
B = TypeVar("B")

SAFE_PATH = "PYTHONSAFEPATH"  # with a value: the working folder, which may be untrusted, holds no modules


class WorkerDied(LiquidTrackError):
    """A worker process was killed from outside."""

    exit_code = 1


def in_processes(work: Callable[[A], B], jobs: Sequence[A], workers: int, chunk: int = 1) -> Iterator[B]:
    """`map(work, jobs)` in worker processes, which end with the iterator and with this process.

    Each process gets `work` once, so that a `partial` may be large, and `chunk` jobs at a time.

    Raises:
        WorkerDied: a worker was killed; the usual cause is a lack of memory.
        LiquidTrackError: any error of `work`.
    """
    # spawn: a fork of a process with threads (OpenCV's, the progress bar's) may hang
    context = multiprocessing.get_context("spawn")
    with _safe_path():
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(work,))
        try:
            yield from pool.map(_do, jobs, chunksize=chunk)
        except BrokenProcessPool:
            raise WorkerDied(
                f"one of {workers} processes was ended from outside, perhaps for want of memory; give fewer --workers."
            ) from None
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def each(work: Callable[[A], B], jobs: Sequence[A], workers: int, chunk: int = 1) -> Iterator[B]:
    """`in_processes`; with one worker, in this process, which has loaded what the work needs."""
    return map(work, jobs) if workers <= 1 else in_processes(work, jobs, workers, chunk)


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Keep new interpreters from importing modules of the working folder, which may be untrusted."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before


_work: Callable[[Any], Any] | None = None


def _do(job: Any) -> Any:
    assert _work is not None
    return _work(job)


def _begin(work: Callable[[Any], Any]) -> None:
    """Setup of each worker: the parent handles Ctrl-C, and the worker ends when the parent ends."""
    global _work
    _work = work
    from tools.cli.messages import guard_streams

    guard_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()


def end_with_parent() -> None:
    """Make this process end with its parent."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True, name="parent").start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
