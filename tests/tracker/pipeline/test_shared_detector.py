"""One detector for several live sources: whose turn it is, what a pass takes, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from models.errors import ConfigError, DataError
from tests.support.scripted_camera import WAIT_S, until
from tracker.pipeline.shared_detector import SharedDetector, SharedSlot
from tracker.protocols import SourceInfo
from tracker.types import Detections, Frame

INFO = SourceInfo("camera", 4, 4, live=True)


class Gate:
    """A detector that answers when the test lets it, with the frame's index as the left edge of the box."""

    names = ("thing",)

    def __init__(self) -> None:
        self.allowed = threading.Semaphore(0)
        self.seen: list[list[tuple[int, int]]] = []  # (source, index) of the frames of each pass
        self.fails = False

    def __call__(self, frame: Frame) -> Detections:
        return self.look([frame])[0]

    def look(self, frames: Sequence[Frame]) -> list[Detections]:
        self.seen.append([(int(frame.bgr[0, 0, 0]), frame.index) for frame in frames])
        assert self.allowed.acquire(timeout=WAIT_S)
        if self.fails:
            raise DataError("the detector fails")
        return [Detections([[f.index, 0, f.index + 9, 9]], [0.9], [0]) for f in frames]  # type: ignore[arg-type]


class BatchGate(Gate):
    best_batch = 2

    def batch(self, frames: Sequence[Frame]) -> list[Detections]:
        return self.look(frames)


class Reader:
    """The stages of one source: asks again and again, and keeps what it gets."""

    def __init__(self, shared: SharedDetector, source: int) -> None:
        self.share = shared.share()
        self.slot: SharedSlot = self.share.slot(INFO)
        self.got: list[tuple[int, float]] = []
        self.error: Exception | None = None
        self._source, self._index = source, 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for frame in self.slot:
                self.got.append((frame.index, float(self.share(frame).xyxy[0, 0])))
        except DataError as error:
            self.error = error

    def put(self) -> None:
        self.slot.put(Frame(np.full((4, 4, 3), self._source, np.uint8), self._index, self._index / 30))
        self._index += 1

    def join(self) -> None:
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()


def test_source_whose_turn_is_longest_ago_comes_first() -> None:
    gate = Gate()
    shared = SharedDetector(gate)
    readers = [Reader(shared, k) for k in range(3)]
    readers[0].put()
    until(lambda: gate.seen == [[(0, 0)]])
    for _ in range(4):  # the first source is much faster than the others, and the only one that had a turn
        readers[0].put()
    readers[2].put()
    readers[1].put()
    for _ in range(2):
        gate.allowed.release()
        until(lambda: len(gate.seen) > 1)
    until(lambda: len(gate.seen) == 3)
    gate.allowed.release(2)
    until(lambda: readers[0].got == [(0, 0.0), (4, 4.0)])  # the newest of those that came
    assert {seen[0] for seen in gate.seen[1:3]} == {(1, 0), (2, 0)}
    assert gate.seen[3:] == [[(0, 4)]]
    shared.close()
    for reader in readers:
        reader.slot.close()
        reader.join()


def test_pass_takes_one_frame_of_each_waiting_source() -> None:
    gate = BatchGate()
    shared = SharedDetector(gate)
    readers = [Reader(shared, k) for k in range(3)]
    readers[0].put()
    until(lambda: gate.seen == [[(0, 0)]])
    for reader in readers:
        reader.put()
        reader.put()
    gate.allowed.release()
    until(lambda: len(gate.seen) == 2)
    assert sorted(gate.seen[1]) == [(1, 1), (2, 1)]  # the two that had no turn yet, with their newest frames
    gate.allowed.release(2)
    until(lambda: len(readers[0].got) == 2)
    for reader in readers:
        reader.slot.end()
        reader.join()
    assert [reader.got for reader in readers] == [[(0, 0.0), (2, 2.0)], [(1, 1.0)], [(1, 1.0)]]
    shared.close()


def test_frame_that_waits_at_the_end_is_looked_at() -> None:
    gate = Gate()
    shared = SharedDetector(gate)
    reader = Reader(shared, 0)
    reader.put()
    until(lambda: gate.seen)
    reader.put()
    reader.slot.end()
    gate.allowed.release(2)
    reader.join()
    assert [index for index, _ in reader.got] == [0, 1]
    shared.close()


def test_error_of_the_detector_reaches_every_source() -> None:
    gate = Gate()
    gate.fails = True
    shared = SharedDetector(gate)
    readers = [Reader(shared, k) for k in range(2)]
    readers[0].put()
    gate.allowed.release()
    for reader in readers:
        reader.join()
        assert str(reader.error) == "the detector fails"
    assert shared.failed
    late = Reader(shared, 2)
    late.join()
    assert late.error is readers[0].error


def test_closed_source_ends_while_the_detector_is_busy() -> None:
    gate = Gate()
    shared = SharedDetector(gate)
    readers = [Reader(shared, k) for k in range(2)]
    readers[0].put()
    until(lambda: gate.seen)
    readers[0].slot.close()
    readers[0].join()
    readers[1].put()
    gate.allowed.release(2)
    until(lambda: readers[1].got == [(0, 0.0)])
    assert readers[0].got == []
    readers[1].slot.close()
    shared.close()


def test_detector_of_single_frames_takes_no_batch() -> None:
    with pytest.raises(ConfigError, match="one frame at a time"):
        SharedDetector(Gate(), batch=4)


def test_share_is_no_detector_of_other_frames() -> None:
    shared = SharedDetector(Gate())
    with pytest.raises(ConfigError, match="run_live"):
        shared.share()(Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0))
