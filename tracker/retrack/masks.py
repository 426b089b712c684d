"""Masks of one object carried from drawn masks to the frames between them, in both directions of time.

A mask is best near the one that it was carried from. Between two drawn masks, the first is carried to the middle of the
time between, and the last one back to there; where one of them is lost earlier, the other goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.errors import DataError, SourceError
from tracker.masks.propagation import MaskPropagator
from tracker.retrack.types import FrameProvider
from tracker.types import Bool, Float64, Frame

NUMBER = 1  # the object in the propagator's image of object numbers


@dataclass(frozen=True, eq=False, slots=True)
class KeyMask:
    """A mask that a person drew.

    Attributes:
        frame: position of its frame.
        mask: (H, W) bool, of the image's size.
    """

    frame: int
    mask: Bool


class MaskStep(NamedTuple):
    """One frame that was looked at."""

    phase: str  # forwards or backwards
    frame: int  # position
    mask: Bool | None  # (H, W); None where the object was not found
    score: float  # 0..1, mean probability of its pixels


class MaskRetrack:
    """Carries a drawn mask to a frame, or to another drawn mask. Iterate over it once, and keep what it gives.

    A frame may come twice, the first time without a mask.

    Args:
        frames: the images by position.
        times: (F,) seconds of all frames, strictly rising.
        start: a drawn mask.
        end: another one, before or after it, or the last frame that is looked at, inclusive.
        max_lost: seconds without the object after which it is given up.
        make: makes a mask propagator.

    Attributes:
        total: frames that get a mask, at most.

    Raises:
        DataError: a frame is not one of the recording's, or both masks are in one frame.
    """

    def __init__(
        self,
        frames: FrameProvider,
        times: Float64,
        start: KeyMask,
        end: KeyMask | int,
        max_lost: float = 1.5,
        make: Callable[[], MaskPropagator] = MaskPropagator,
    ) -> None:
        stop = end.frame if isinstance(end, KeyMask) else int(end)
        for frame in (start.frame, stop):
            if not 0 <= frame < len(times):
                raise DataError(f"frame {frame} is not in the recording, which has frames 0 to {len(times) - 1}.")
        if isinstance(end, KeyMask) and stop == start.frame:
            raise DataError(f"both masks are in frame {stop}; give masks in two frames.")
        self._frames, self._times, self._max_lost, self._make = frames, np.asarray(times, np.float64), max_lost, make
        self._start, self._end, self._stop = start, end, stop
        self.total = abs(stop - start.frame) - isinstance(end, KeyMask)
        self._steps = self._look()

    def __iter__(self) -> Iterator[MaskStep]:
        return self._steps

    def _look(self) -> Iterator[MaskStep]:
        start, end = self._start, self._end
        if not isinstance(end, KeyMask):
            sign = 1 if self._stop > start.frame else -1
            yield from self._carried(start, range(start.frame + sign, self._stop + sign, sign))
            return
        first, last = (start, end) if start.frame < end.frame else (end, start)
        middle = float(self._times[[first.frame, last.frame]].mean())
        ahead = self._carried(first, range(first.frame + 1, last.frame))
        seen, back = first.frame, last.frame
        if self._times[first.frame + 1] <= middle:
            for step in ahead:
                yield step
                seen = step.frame if step.mask is not None else seen
                if self._times[step.frame + 1] > middle:
                    break
        for step in self._carried(last, range(last.frame - 1, seen, -1)):
            yield step
            back = step.frame if step.mask is not None else back
        if back > seen + 1:  # the last mask was lost before: the first one may be carried further
            for step in ahead:
                if step.frame >= back:
                    break
                yield step

    def _carried(self, start: KeyMask, positions: Iterable[int]) -> Iterator[MaskStep]:
        """Carries one mask through positions, until it is lost for too long."""
        frame = self._frames.get(start.frame)
        here, propagator = self._times[start.frame], self._make()
        propagator.add(Frame(frame.bgr, start.frame, 0.0), np.where(start.mask, NUMBER, 0).astype(np.uint8))
        seen = 0.0
        for position in positions:
            time = abs(float(self._times[position] - here))
            try:
                bgr = self._frames.get(position).bgr
            except SourceError:  # damaged: it gets no mask
                continue
            found = propagator.update(Frame(bgr, position, time))
            mask = found.mask == NUMBER
            there = bool(found.time_since_update[0] == 0) and bool(mask.any())
            seen = time if there else seen
            phase = "forwards" if position > start.frame else "backwards"
            yield MaskStep(phase, position, mask if there else None, float(found.score[0]))
            if time - seen > self._max_lost:
                return
