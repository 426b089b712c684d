"""Processes that share a command's work: they end with it, however it ends, and run nothing but our code."""

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

SAFE_PATH = "PYTHONSAFEPATH"


class WorkerDied(LiquidTrackError):
    """A process of ours was ended from outside."""

    exit_code = 1


def in_processes(work: Callable[[A], B], jobs: Sequence[A], workers: int, chunk: int = 1) -> Iterator[B]:
    """`map(work, jobs)` in so many processes of their own, which end with the iterator and with this process.

    Each process gets `work` once, so that a `partial` may hold much, and `chunk` jobs at a time.

    Raises:
        WorkerDied: one of them was killed; most often there was too little memory.
        LiquidTrackError: whatever `work` raises.
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


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """New interpreters do not look for modules in the folder that one stands in, where anybody may have put some."""
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
    """In each process: Ctrl-C is for the one that shares the work; when that is gone, so is this."""
    global _work
    _work = work
    from tools.cli.messages import guard_streams

    guard_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()


def end_with_parent() -> None:
    """From now on this process ends when the one that started it does."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True, name="parent").start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
