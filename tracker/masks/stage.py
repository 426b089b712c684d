"""Mask propagation in the pipeline: marked objects become tracks with masks, in addition to the tracker's tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.errors import ConfigError
from tracker.inputs.masks import Masks
from tracker.masks.propagation import MAX_OBJECTS, MaskPropagator, PropagatedMasks
from tracker.protocols import FrameContext, SourceInfo
from tracker.types import Frame, State, Tracks, UInt8

NAME = "object"  # the class of marked objects


@dataclass(frozen=True, slots=True)
class MaskPrompt:
    """Objects that are followed from a given time.

    Attributes:
        time: seconds since the source's first frame; the objects start in the first frame at or after it.
        numbers: the marked objects.
        draw: gives the (H, W) object numbers of that frame.
    """

    time: float
    numbers: tuple[int, ...]
    draw: Callable[[Frame], UInt8]


class MaskStage:
    """Adds the marked objects, with their masks, to the tracker's tracks, which get the ids after theirs.

    Args:
        follower: the mask propagation.
        marks: the mask prompts.

    Attributes:
        waiting: the prompts of later frames.

    Raises:
        ConfigError: there is no object to follow, or more objects than an image of object numbers holds.
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
        """The class names so far, and the class of the marked objects."""
        self._label = names.index(NAME) if NAME in names else len(names)
        return names if NAME in names else (*names, NAME)

    def __call__(self, context: FrameContext) -> FrameContext:
        """The context with the marked objects as the first of its tracks."""
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
