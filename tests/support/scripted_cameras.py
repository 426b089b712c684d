"""Live sources that give a frame whenever the test lets them, and waiting without a clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np

from models.errors import SourceError
from tracker.protocols import SourceInfo, SourceStatus
from tracker.types import Frame, UInt8


class ScriptedCamera:
    """A live source that gives a frame whenever the test lets it.

    Args:
        name: its name.
        pictures: its images, at 30 a second.
        error: raised after the last one.
    """

    def __init__(self, name: str, pictures: Sequence[UInt8], error: SourceError | None = None) -> None:
        height, width = pictures[0].shape[:2]
        self.info = SourceInfo(name, width, height, live=True)
        self.pictures, self.error, self.given = pictures, error, 0
        self.allowed = threading.Semaphore(0)
        self.closed = threading.Event()
        self.lost = 0.0  # seconds for which it says that it is lost

    def __iter__(self) -> Iterator[Frame]:
        for index, picture in enumerate(self.pictures):
            while not self.allowed.acquire(timeout=0.02):
                if self.closed.is_set():
                    return
            self.given = index + 1
            yield Frame(picture, index, index / 30)
        if self.error is not None:
            raise self.error

    @property
    def status(self) -> SourceStatus:
        if self.lost:
            return SourceStatus("reconnecting", self.lost, "it is gone.")
        return SourceStatus("running", time=self.given / 30 + 0.01)

    def close(self) -> None:
        self.closed.set()


def plain(count: int, level: int = 0) -> list[UInt8]:
    """Images of one grey level each."""
    return [np.full((48, 64, 3), (level + index) % 256, np.uint8) for index in range(count)]
