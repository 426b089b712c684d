"""Working time of each stage of the loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from tracker.types import Frame

A = TypeVar("A")
B = TypeVar("B")


class StageClock:
    """Seconds of work by stage; each stage writes only its own key."""

    def __init__(self) -> None:
        self.busy: dict[str, float] = {}

    def timed(self, name: str, work: Callable[[A], B]) -> Callable[[A], B]:
        self.busy[name] = 0.0

        def run(item: A) -> B:
            start = time.perf_counter()
            result = work(item)
            self.busy[name] += time.perf_counter() - start
            return result

        run.__name__ = name
        return run

    def reading(self, frames: Iterable[Frame]) -> Generator[Frame, None, None]:
        """The frames; the source's time for each is counted under `read`."""
        self.busy["read"] = 0.0
        iterator = iter(frames)
        try:
            while True:
                start = time.perf_counter()
                try:
                    frame = next(iterator)
                except StopIteration:
                    return
                self.busy["read"] += time.perf_counter() - start
                yield frame
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
