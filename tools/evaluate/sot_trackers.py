"""The trackers of `eval sot` under one interface: ours, and those of OpenCV where they can run."""

from __future__ import annotations

from tools.evaluate.config.sot import EvalSotConfig
from tools.evaluate.sot_peers import SotRun, Start, peer
from tracker.types import Float64, UInt8


def starter(name: str, config: EvalSotConfig) -> Start:
    """A function that starts a `SotRun` from a first image, its box and its time.

    Raises:
        ConfigError: the tracker cannot run here, or the frozen CNN cannot be exported.
        WeightsError: its weights are not available.
    """
    return _ours(config) if name == "point" else peer(name, config)


def _ours(config: EvalSotConfig) -> Start:
    from tracker.config import TrackerConfig
    from tracker.motion_registry import MOTIONS
    from tracker.single_object.search_region import FrozenView
    from tracker.single_object.tracker import SingleObjectTracker

    view = FrozenView(config.threads, config.device, networks=config.localiser)
    motion = MOTIONS[config.motion](TrackerConfig(motion=config.motion))

    def start(bgr: UInt8, xyxy: Float64, time: float) -> SotRun:
        follower = SingleObjectTracker(view, motion, bgr, xyxy, time)

        def look(bgr: UInt8, time: float) -> Float64 | None:
            sight = follower.update(bgr, time)
            return sight.xyxy if sight.found else None

        return look

    return start
