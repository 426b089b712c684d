"""Decorators of a tracker: they have its `update`, use the frame's pixels too, and change its tracks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from models.errors import DataError
from tracker.protocols import Engine, FrameTracker, SourceInfo
from tracker.types import Detections, Float64, Frame, Tracks


class InnerTracker(Engine, Protocol):
    """The wrapped tracker: `Tracker`, or another decorator."""

    def new_id(self) -> int:
        """The next unused track id."""
        ...


FrameUpdate = Callable[[Detections, float, Float64 | None, Frame | None], Tracks]


def update_of(tracker: Engine) -> FrameUpdate:
    """`tracker.update`, with the frame as an argument where it accepts one."""
    if isinstance(tracker, FrameTracker):
        return tracker.update

    def update(detections: Detections, time: float, warp: Float64 | None, frame: Frame | None) -> Tracks:
        return tracker.update(detections, time, warp)

    return update


class TrackerDecorator:
    """Forwards every call to the wrapped tracker; the base class of all decorators.

    Args:
        tracker: the wrapped tracker.
    """

    def __init__(self, tracker: InnerTracker) -> None:
        self.tracker = tracker
        self._inner = update_of(tracker)

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        """Takes the source and the detector's classes; returns the classes of the tracks."""
        return self.tracker.open(info, names) if isinstance(self.tracker, FrameTracker) else names

    def new_id(self) -> int:
        """The next unused track id."""
        return self.tracker.new_id()

    def update(
        self, detections: Detections, time: float, warp: Float64 | None = None, frame: Frame | None = None
    ) -> Tracks:
        """All tracks alive after the frame at `time`; see `Tracker.update`.

        Args:
            detections: the detections of the frame.
            time: seconds, later than the last update's; any origin.
            warp: (2, 3) affine from the previous update's pixels to this frame's, where the camera moved.
            frame: the frame itself, or its image.
        """
        return self._inner(detections, time, warp, frame)


def frame_at(frame: Any, time: float, what: str) -> Frame:
    """The frame that was passed to a decorator, or a frame made of an image.

    Args:
        frame: a frame, an image as `Frame.of` takes it, or None.
        time: seconds.
        what: the decorator's name, for the message.

    Raises:
        DataError: `frame` is None.
    """
    if frame is None:
        raise DataError(
            f"{what} looks at the pixels; give the picture too: update(detections, seconds, frame=picture)."
        )
    return frame if isinstance(frame, Frame) else Frame.of(frame, 0, time)
