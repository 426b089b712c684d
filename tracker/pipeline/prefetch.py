"""One stage of the pipeline in a thread of its own: bounded queue, order kept, stopped by its consumer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")

QUEUE = 3  # frames between two stages: enough to hide one slow frame, with small memory and latency
POLL_S = 0.1  # seconds between checks of a blocked stage whether it should end


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


_END = object()


def prefetch_map(
    items: Iterable[A], work: Callable[[A], B], depth: int = QUEUE, idle: Callable[[], None] | None = None
) -> Generator[B, None, None]:
    """`map(work, items)` in a thread of its own that runs at most `depth` results ahead of the consumer.

    Order is kept. An error in `items` or `work` is raised in the consumer after the results before it. Closing this
    generator ends the thread and closes `items` too, so that a chain of generators ends from the last to the first.

    Args:
        items: the inputs; they are read in the thread.
        work: called for each of them, in the thread.
        depth: with 0 the next item is not read before the consumer has taken the last result, so that no item waits.
        idle: called in the consumer's thread every POLL_S seconds while it waits for a result.
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
        except BaseException as error:  # passed on unchanged: the consumer raises it
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
    """Polls `done`, which blocks for a short time, until it is True; False where `stop` was set before."""
    while not done():
        if stop.is_set():
            return False
    return True
