"""One detector for several live sources: whenever it is free, it takes the newest frames of those that wait.

A source asks when its stages are free, so that no frame waits behind another one of its own. Of the sources that have a
frame, the one whose last turn is the longest ago comes first: no camera starves beside faster ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from models.errors import ConfigError
from tracker.detectors.registry import detector_of
from tracker.pipeline.newest_frame import NewestFrame
from tracker.protocols import BatchDetector, Detector, SourceInfo
from tracker.types import Detections, Frame

Found = tuple[Frame, Detections]


class SharedDetector:
    """Runs one detector in a thread of its own, for all its shares. Close it after all runs.

    Args:
        detector: a result of `build_detector`, or any function of a frame. It gets frames of all sources; those of one
            source in order.
        batch: most frames of one pass, each of another source; 0: as many as the detector gains by.

    Raises:
        ConfigError: `detector` is not a detector, or cannot look at several frames in one pass.
    """

    def __init__(self, detector: Detector | Callable[[Frame], Any], batch: int = 0) -> None:
        self._detector = detector_of(detector)
        self.names = self._detector.names
        several = self._detector if isinstance(self._detector, BatchDetector) else None
        if batch > 1 and several is None:
            raise ConfigError(f"this detector looks at one frame at a time; leave the batch of {batch} out.")
        self._batch = several.batch if several is not None else None
        self._most = batch or (1 if several is None else several.best_batch)
        self._change = threading.Condition()  # guards everything below, and all slots
        self._slots: list[SharedSlot] = []
        self._turns = 0
        self._error: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="shared detector", daemon=True)

    def share(self) -> DetectorShare:
        """The detector of one more source."""
        return DetectorShare(self)

    def close(self) -> None:
        """Ends after the pass that it works on."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    @property
    def failed(self) -> bool:
        """Whether it has raised an error, which ends all sources."""
        return self._error is not None

    def slot(self, info: SourceInfo) -> SharedSlot:
        """A slot whose frames are looked at when it is their turn."""
        slot = SharedSlot(info, self._change)
        with self._change:
            slot.error = self._error
            self._slots.append(slot)
            if not self._thread.is_alive() and not self._closed and self._error is None:
                self._thread.start()
        return slot

    def _work(self) -> None:
        while True:
            with self._change:
                while not (chosen := self._waiting()) and not self._closed:
                    self._change.wait()
                if self._closed:
                    return
                frames = [slot.pick(self._turns + k) for k, slot in enumerate(chosen)]
                self._turns += len(chosen)
            try:
                found = self._look(frames)
            except BaseException as error:  # passed on unchanged: every source raises it
                with self._change:
                    self._error = error
                    for slot in self._slots:
                        slot.error = error
                    self._change.notify_all()
                return
            with self._change:
                for slot, frame, detections in zip(chosen, frames, found, strict=True):
                    slot.found = frame, detections
                self._slots = [slot for slot in self._slots if not slot.over]
                self._change.notify_all()

    def _waiting(self) -> list[SharedSlot]:
        """The slots whose turn it is."""
        ready = [slot for slot in self._slots if slot.waits]
        return sorted(ready, key=lambda slot: slot.turn)[: self._most]

    def _look(self, frames: Sequence[Frame]) -> Sequence[Any]:
        if self._batch is not None and len(frames) > 1:
            return self._batch(frames)
        return [self._detector(frame) for frame in frames]


class SharedSlot(NewestFrame):
    """The newest frame of one source; iterating it asks the shared detector for a turn, and waits for its result.

    Attributes, guarded by `change`:
        turn: number of its last turn, -1 before the first.
        found: a result that was not fetched yet.
        error: what ended the shared detector.
        last: the result that the iteration gave last; only its consumer reads it.
    """

    def __init__(self, info: SourceInfo, change: threading.Condition) -> None:
        super().__init__(info, change)
        self.turn = -1
        self.found: Found | None = None
        self.error: BaseException | None = None
        self.last: Found | None = None
        self._asks = self._busy = False

    @property
    def waits(self) -> bool:
        """Whether a turn of it would be of use."""
        return self._asks and not self._busy and self._frame is not None and not self._closed

    @property
    def over(self) -> bool:
        """Whether no further turn can come."""
        return self._closed or (self._ended and self._frame is None)

    def pick(self, turn: int) -> Frame:
        """Takes the newest frame, to look at it."""
        frame, self._frame = self._frame, None
        assert frame is not None
        self._taken.append(frame.index)
        self.turn, self._busy = turn, True
        return frame

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self._change:
                self._asks = True
                self._change.notify_all()
                while self.found is None and self.error is None and not self._closed and (self._busy or not self.over):
                    self._change.wait()
                self._asks = False
                if self.error is not None and not self._closed:
                    raise self.error
                if self.found is None or self._closed:
                    return
                self.last, self.found, self._busy = self.found, None, False
            yield self.last[0]


class DetectorShare:
    """A shared detector as that of one source; only `run_live` knows how to use it."""

    def __init__(self, shared: SharedDetector) -> None:
        self._shared = shared
        self._slot: SharedSlot | None = None
        self.names = shared.names

    def slot(self, info: SourceInfo) -> SharedSlot:
        """The slot whose iteration gives frames that have been looked at."""
        self._slot = self._shared.slot(info)
        return self._slot

    def __call__(self, frame: Frame) -> Detections:
        """The detections of the frame that the slot gave last."""
        last = None if self._slot is None else self._slot.last
        if last is None or last[0] is not frame:
            raise ConfigError("a shared detector needs run_live: it takes its frames from the source itself.")
        return Detections.of(last[1], self.names, flat=True)
