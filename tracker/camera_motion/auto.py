"""Camera motion by itself: optical flow while the background moves, and next to nothing while it stands still.

What is decided depends on the frames, their boxes and their times alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracker.camera_motion.background import BackgroundWatch
from tracker.camera_motion.flow import FlowCameraMotion
from tracker.types import Detections, Float64, Frame

FAST_CHECKS = 3  # frames checked one by one at the start, and where a check gave no answer: the camera may be too fast
GAPS = (4, 5, 7)  # frames from check to check, in turn: unequal, so that no regular shaking always shows the same phase
SPARSE = 3  # times as many where frames between two checks can be fetched later
MIN_GAP_S = 0.12  # and at least so many seconds: 4 frames of 30 a second are enough for a camera of 120 a second too
HOLD_S = 2.0  # seconds without motion after which the estimate ends: a pan that rests for a moment goes on


class MotionSwitch:
    """When the background is checked, and whether the camera's motion is to be estimated.

    Args:
        gap: factor on the frames and seconds from check to check.

    Attributes:
        moving: whether the motion is estimated now.
        checks: number of frames in which the background was looked at.
    """

    def __init__(self, gap: int = 1) -> None:
        self.moving, self.checks = False, 0
        self._watch, self._gap = BackgroundWatch(), gap
        self._frames = self._next = 0  # the next check: frames since the first
        self._next_s, self._moved_s = float("-inf"), 0.0
        self._unknown = 0  # checks without an answer since the last one with an answer

    def due(self, time: float) -> bool:
        """Whether the next frame, at `time` seconds, is checked."""
        return self._frames >= self._next and time >= self._next_s

    def check(self, frame: Frame, detections: Detections) -> bool:
        """Looks at the next frame; returns whether the camera begins to move."""
        self.checks += 1
        was, moved = self.moving, self._watch(frame, detections)
        if moved:
            self.moving, self._moved_s = True, frame.time
        elif moved is False and frame.time - self._moved_s > HOLD_S:
            self.moving = False
        soon = self._frames < FAST_CHECKS or (moved is None and self._unknown < FAST_CHECKS)
        self._unknown = self._unknown + 1 if moved is None else 0
        self._next = self._frames + (1 if soon else self._gap * GAPS[self.checks % len(GAPS)])
        self._next_s = frame.time + (0.0 if soon else self._gap * MIN_GAP_S)
        return self.moving and not was

    def step(self) -> None:
        """Goes on to the frame after this one."""
        self._frames += 1


class AutoCameraMotion:
    """Called for frames in order: the affine of `FlowCameraMotion` while the camera moves, None while it stands still.

    Attributes:
        estimates: number of frames in which the motion was estimated.
    """

    def __init__(self) -> None:
        self.estimates = 0
        self._switch, self._flow = MotionSwitch(), FlowCameraMotion()
        self._before: tuple[Frame, Detections] | None = None

    @property
    def moving(self) -> bool:
        """Whether the motion is estimated now."""
        return self._switch.moving

    @property
    def checks(self) -> int:
        """Number of frames in which the background was looked at."""
        return self._switch.checks

    def __call__(self, frame: Frame, detections: Detections) -> Float64 | None:
        """(2, 3) affine from the last frame's pixels to this frame's; None where the camera stands still."""
        if self._switch.due(frame.time) and self._switch.check(frame, detections):
            self._flow = FlowCameraMotion()
            if self._before is not None:
                self._flow(*self._before)  # so that the first estimate is that of this very frame
        self._switch.step()
        self._before = frame, detections
        if not self.moving:
            return None
        self.estimates += 1
        return self._flow(frame, detections)


class SparseCameraMotion:
    """The same for frames that are fetched by position: while the camera stands still, few of them are.

    Where it begins to move, the frames since the last check are fetched too.

    Attributes:
        fetched: number of frames that were fetched.
    """

    def __init__(self) -> None:
        self.fetched = 0
        self._switch, self._flow = MotionSwitch(SPARSE), FlowCameraMotion()

    @property
    def moving(self) -> bool:
        """Whether the motion is estimated now."""
        return self._switch.moving

    def __call__(self, times: Sequence[float], fetch: Callable[[int], Frame]) -> list[Float64 | None]:
        """(2, 3) affine of each of the next frames, from the frame before; None where the camera stands still.

        Args:
            times: their seconds.
            fetch: gives the frame of a position in `times`; it may be asked for an earlier one again.
        """
        warps: list[Float64 | None] = []
        nothing = Detections.empty()
        checked = 0
        for k, time in enumerate(times):
            due = self._switch.due(time)
            if due or self.moving:
                frame = self._get(k, fetch)
                if due and self._switch.check(frame, nothing):
                    self._flow = FlowCameraMotion()
                    for earlier in range(checked, k):
                        warps[earlier] = self._flow(self._get(earlier, fetch), nothing)
                if due:
                    checked = k
                warps.append(self._flow(frame, nothing) if self.moving else None)
            else:
                warps.append(None)
            self._switch.step()
        return warps

    def _get(self, position: int, fetch: Callable[[int], Frame]) -> Frame:
        self.fetched += 1
        return fetch(position)
