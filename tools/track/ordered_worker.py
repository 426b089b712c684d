"""A thread that works on items in their order, so that a live source is read on while tracks are decided."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
POLL_S = 0.1


class OrderedWorker(Generic[T]):
    """Calls `work` for every item in a thread of its own.

    Args:
        work: the work on one item.
        room: items that may wait; a caller who is further ahead waits too.
    """

    def __init__(self, work: Callable[[T], None], room: int) -> None:
        self._work = work
        self._items: queue.Queue[T | None] = queue.Queue(room)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._loop, daemon=True, name="liquidtrack-decide")
        self._thread.start()

    def __call__(self, item: T) -> None:
        """Hands over one item.

        Raises:
            BaseException: the error of an earlier item.
        """
        self._put(item)
        self._check()

    def close(self) -> None:
        """Waits until all items are done.

        Raises:
            BaseException: the error of an item.
        """
        self._put(None)
        self._thread.join()
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _put(self, item: T | None) -> None:
        while self._thread.is_alive():
            try:
                self._items.put(item, timeout=POLL_S)
            except queue.Full:
                continue
            return

    def _loop(self) -> None:
        try:
            while (item := self._items.get()) is not None:
                self._work(item)
        except BaseException as error:  # passed on unchanged: the caller raises it
            self._error = error
