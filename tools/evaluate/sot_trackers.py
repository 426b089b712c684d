"""The trackers of `eval sot` under one interface: ours, and those of OpenCV where the build has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np

from models.errors import ConfigError
from tools.evaluate.config.sot import EvalSotConfig
from tracker.types import Float64, UInt8

OPENCV = {"mil": "TrackerMIL", "kcf": "TrackerKCF", "csrt": "TrackerCSRT"}


class SotRun(Protocol):
    """One object followed through one video."""

    def __call__(self, bgr: UInt8, time: float) -> Float64 | None:
        """(4,) the box of the object in the frame at `time` seconds, None where it is not found."""
        ...


Start = Callable[[UInt8, Float64, float], SotRun]


def starter(name: str, config: EvalSotConfig) -> Start:
    """A function that starts a `SotRun` from a first image, its box and its time.

    Raises:
        ConfigError: this build of OpenCV does not have the tracker, or the frozen CNN cannot be exported.
        WeightsError: its weights are not available.
    """
    if name == "point":
        return _ours(config)
    kind = getattr(cv2, OPENCV[name], None) or getattr(getattr(cv2, "legacy", None), OPENCV[name], None)
    if kind is None:
        raise ConfigError(f"this build of OpenCV has no tracker {name}; pip install opencv-contrib-python brings it.")
    return lambda bgr, xyxy, time: _Peer(kind.create(), bgr, xyxy)


def _ours(config: EvalSotConfig) -> Start:
    from tracker.config import TrackerConfig
    from tracker.motion_registry import MOTIONS
    from tracker.single_object.search_region import FrozenView
    from tracker.single_object.tracker import SingleObjectTracker

    view = FrozenView(config.threads, config.device)
    motion = MOTIONS[config.motion](TrackerConfig(motion=config.motion))

    def start(bgr: UInt8, xyxy: Float64, time: float) -> SotRun:
        follower = SingleObjectTracker(view, motion, bgr, xyxy, time)

        def look(bgr: UInt8, time: float) -> Float64 | None:
            sight = follower.update(bgr, time)
            return sight.xyxy if sight.found else None

        return look

    return start


class _Peer:
    """A tracker of OpenCV, which takes integer pixels and no times."""

    def __init__(self, tracker: Any, bgr: UInt8, xyxy: Float64) -> None:
        self._tracker = tracker
        left, top, right, bottom = (round(float(v)) for v in xyxy)
        tracker.init(bgr, (left, top, max(right - left, 1), max(bottom - top, 1)))

    def __call__(self, bgr: UInt8, time: float) -> Float64 | None:
        found, (left, top, width, height) = self._tracker.update(bgr)
        return np.array([left, top, left + width, top + height], np.float64) if found else None
