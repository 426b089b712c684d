"""A live source and a detector that go on when the test lets them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np

from models.errors import DataError
from tracker.protocols import SourceInfo, SourceStatus
from tracker.types import Detections, Frame

WAIT_S = 60.0  # a test that waits this long has failed


def until(condition: Callable[[], object]) -> None:
    """Waits for a condition; an `AssertionError` after WAIT_S."""
    ready = threading.Event()
    for _ in range(round(WAIT_S / 0.005)):
        if condition():
            return
        ready.wait(0.005)
    raise AssertionError("waited in vain")


def where(index: int) -> float:
    return 5 + 2.0 * index


class Scripted:
    """A live source that gives a frame whenever the test lets it."""

    def __init__(self, frames: int, error: Exception | None = None) -> None:
        self.info = SourceInfo("camera 0", 64, 48, live=True)
        self.frames, self.error, self.given = frames, error, 0
        self.allowed = threading.Semaphore(0)
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.frames):
            while not self.allowed.acquire(timeout=0.05):
                if self.closed.is_set():
                    return
            self.given = index + 1
            yield Frame(np.full((48, 64, 3), index % 256, np.uint8), index, index / 30)
        if self.error is not None:
            raise self.error

    @property
    def status(self) -> SourceStatus:
        return SourceStatus("running", time=self.given / 30 + 0.01)

    def close(self) -> None:
        self.closed.set()


class Walker:
    """A detector of one object that moves 2 pixels a frame; it answers when the test lets it."""

    names = ("walker",)

    def __init__(self, free: bool = False) -> None:
        self.allowed = threading.Semaphore(1_000_000 if free else 0)
        self.asked: list[int] = []
        self.fail_at: int | None = None
        self.began = threading.Condition()

    def __call__(self, frame: Frame) -> Detections:
        with self.began:
            self.asked.append(frame.index)
            self.began.notify_all()
        assert self.allowed.acquire(timeout=WAIT_S)
        if frame.index == self.fail_at:
            raise DataError("the detector fails")
        left = float(where(frame.index))
        return Detections(np.array([[left, 10, left + 10, 30]], np.float32), np.array([0.9]), np.array([0]))
