"""One stage of the pipeline in a thread of its own: bounded queue, order kept, stopped by its consumer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")

QUEUE = 3  # frames between two stages: enough to hide one slow frame, few enough to keep memory and latency small
POLL_S = 0.1  # how often a blocked stage looks whether it should end


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


_END = object()


def prefetch_map(
    items: Iterable[A], work: Callable[[A], B], depth: int = QUEUE, idle: Callable[[], None] | None = None
) -> Generator[B, None, None]:
    """`map(work, items)` in a thread of its own that runs at most `depth` results ahead of the taker.

    Order is kept. An error in `items` or `work` reaches the taker after the results before it. Closing this generator
    ends the thread and closes `items` too, so that a chain of them ends from its last link backwards.

    Args:
        items: what to work on; the thread asks for them.
        work: called for each of them, in the thread.
        depth: 0: the next item is not even asked for before the taker has taken the last result, so that nothing grows
            old in between.
        idle: called in the taker's thread every POLL_S seconds while there is no result for it.
    """
    results: queue.Queue[Any] = queue.Queue(max(depth, 1))
    stop, taken = threading.Event(), threading.Semaphore(0)

    def put(value: object) -> bool:
        while not stop.is_set():
            try:
                results.put(value, timeout=POLL_S)
            except queue.Full:
                continue
            return depth > 0 or _until(lambda: taken.acquire(timeout=POLL_S), stop)
        return False

    def take() -> object:
        while True:
            try:
                got = results.get(timeout=None if idle is None else POLL_S)
            except queue.Empty:
                assert idle is not None
                idle()
                continue
            taken.release()
            return got

    def loop() -> None:
        last: object = _END
        try:
            for item in items:
                if not put(work(item)):
                    break
        except BaseException as error:  # handed over whole: the taker raises it
            last = _Failure(error)
        finally:
            if isinstance(items, Generator):
                items.close()
            put(last)

    thread = threading.Thread(target=loop, daemon=True, name=f"liquidtrack-{getattr(work, '__name__', 'stage')}")
    thread.start()
    try:
        while (got := take()) is not _END:
            if isinstance(got, _Failure):
                raise got.error
            yield got  # type: ignore[misc]
    finally:
        stop.set()
        thread.join(timeout=5.0)


def _until(done: Callable[[], bool], stop: threading.Event) -> bool:
    """Asks `done`, which waits a little itself, until it is True; False where `stop` was set before."""
    while not done():
        if stop.is_set():
            return False
    return True
