"""The engine: types, motion, association, life cycle, detectors, pipeline. NumPy in, NumPy out, no torch at import.

What others may use is listed here and loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.build import build_pipeline, track_video
    from tracker.config import TrackerConfig
    from tracker.detectors.config import DetectorConfig
    from tracker.detectors.registry import build_detector
    from tracker.engine import Tracker
    from tracker.learned.liquid_motion import LiquidMotion
    from tracker.pipeline import Pipeline, Summary, run, track
    from tracker.pipeline_config import PipelineConfig
    from tracker.protocols import Detector, Sink, Source, SourceInfo
    from tracker.reid.tracker import ReidTracker
    from tracker.single_object.box_prompt import PointedBox
    from tracker.single_object.manager import Pointer
    from tracker.single_object.search_region import FrozenView
    from tracker.single_object.tracker import Follower
    from tracker.supervision import from_supervision, to_supervision
    from tracker.types import Detections, Frame, State, Tracks

_PLACES = {
    "TrackerConfig": "tracker.config",
    "build_detector": "tracker.detectors.registry",
    "DetectorConfig": "tracker.detectors.config",
    "Tracker": "tracker.engine",
    "LiquidMotion": "tracker.learned.liquid_motion",
    "Follower": "tracker.single_object.tracker",
    "PointedBox": "tracker.single_object.box_prompt",
    "Pointer": "tracker.single_object.manager",
    "FrozenView": "tracker.single_object.search_region",
    "Summary": "tracker.pipeline",
    "Pipeline": "tracker.pipeline",
    "PipelineConfig": "tracker.pipeline_config",
    "ReidTracker": "tracker.reid.tracker",
    "build_pipeline": "tracker.build",
    "track_video": "tracker.build",
    "run": "tracker.pipeline",
    "track": "tracker.pipeline",
    "Detector": "tracker.protocols",
    "Sink": "tracker.protocols",
    "Source": "tracker.protocols",
    "SourceInfo": "tracker.protocols",
    "from_supervision": "tracker.supervision",
    "to_supervision": "tracker.supervision",
    "Detections": "tracker.types",
    "Frame": "tracker.types",
    "State": "tracker.types",
    "Tracks": "tracker.types",
}

__all__ = [
    "Detections",
    "Detector",
    "DetectorConfig",
    "Follower",
    "Frame",
    "FrozenView",
    "LiquidMotion",
    "Pipeline",
    "PipelineConfig",
    "PointedBox",
    "Pointer",
    "ReidTracker",
    "Sink",
    "Source",
    "SourceInfo",
    "State",
    "Summary",
    "Tracker",
    "TrackerConfig",
    "Tracks",
    "build_detector",
    "build_pipeline",
    "from_supervision",
    "run",
    "to_supervision",
    "track",
    "track_video",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
