"""Masks in the pipeline: marked objects become tracks with masks beside the tracker's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.errors import ConfigError
from tracker.inputs.masks import Masks
from tracker.masks.propagation import MAX_OBJECTS, MaskPropagator, PropagatedMasks
from tracker.protocols import FrameContext, SourceInfo
from tracker.types import Frame, State, Tracks, UInt8

NAME = "object"  # the class of what was marked


@dataclass(frozen=True, slots=True)
class MaskPrompt:
    """Objects that are to be followed from some time on.

    Attributes:
        time: seconds since the source's first frame; the first frame at or after it is taken.
        numbers: the objects that are marked.
        draw: the frame's (H, W) object numbers.
    """

    time: float
    numbers: tuple[int, ...]
    draw: Callable[[Frame], UInt8]


class MaskStage:
    """Puts the marked objects, with their masks, beside the tracker's tracks; those get numbers after theirs.

    Args:
        follower: the mask propagation.
        marks: what is to be followed.

    Attributes:
        waiting: the marks whose time has not come.

    Raises:
        ConfigError: there is nothing to follow, or more objects than an image of numbers holds.
    """

    name = "masks"

    def __init__(self, follower: MaskPropagator, marks: Sequence[MaskPrompt]) -> None:
        self._follower = follower
        self.waiting = sorted(marks, key=lambda mark: mark.time)
        numbers = [n for mark in marks for n in mark.numbers]
        if not numbers:
            raise ConfigError("no object is marked; give a mask, a box or a polygon.")
        if max(numbers) > MAX_OBJECTS:
            raise ConfigError(f"{max(numbers)} objects are marked; masks hold {MAX_OBJECTS} at most.")
        self._offset = max(numbers)
        self._label: int | None = None

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        """The class names so far and that of the marked objects."""
        self._label = names.index(NAME) if NAME in names else len(names)
        return names if NAME in names else (*names, NAME)

    def __call__(self, context: FrameContext) -> FrameContext:
        """With the marked objects, which come first, among the tracks."""
        return replace(context, tracks=self.update(context.frame, context.tracks))

    def update(self, frame: Frame, tracks: Tracks) -> Tracks:
        """All tracks of a frame, the marked objects first."""
        followed = self._follower.update(frame)
        due = [mark for mark in self.waiting if mark.time <= frame.time]
        for mark in due:
            self._follower.add(frame, mark.draw(frame))
            self.waiting.remove(mark)
        if due:
            followed = self._follower.state(frame, followed)
        return self._joined(frame, followed, tracks)

    def _joined(self, frame: Frame, followed: PropagatedMasks, tracks: Tracks) -> Tracks:
        pixels = np.empty((len(followed.number), *frame.bgr.shape[:2]), bool)
        for number, mask in zip(followed.number.tolist(), pixels, strict=True):
            np.equal(followed.mask, number, out=mask)
        marked = Tracks(
            id=followed.number,
            xyxy=followed.xyxy,
            score=followed.score,
            label=np.full(len(pixels), self._label or 0),
            state=np.where(followed.time_since_update == 0, State.ACTIVE, State.LOST).astype(np.int8),
            time_since_update=followed.time_since_update,
            detection=np.full(len(pixels), -1),
            mask=Masks.of(pixels),
        )
        return Tracks.concat([marked, tracks.with_trusted(id=tracks.id + self._offset)])
