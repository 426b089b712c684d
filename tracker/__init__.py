"""The engine: types, motion, association, life cycle, detectors, pipeline. NumPy in, NumPy out, no torch at import.

The public names are listed here. Each is loaded at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from models.errors import ConfigError as ConfigError
    from models.errors import DataError as DataError
    from models.errors import LiquidTrackError as LiquidTrackError
    from models.errors import SourceError as SourceError
    from models.errors import WeightsError as WeightsError
    from models.runtime.compute import Compute as Compute
    from tracker.appearance.config import AppearanceConfig as AppearanceConfig
    from tracker.appearance.embedder import FrozenEmbedder as FrozenEmbedder
    from tracker.camera_motion import AutoCameraMotion as AutoCameraMotion
    from tracker.camera_motion import FlowCameraMotion as FlowCameraMotion
    from tracker.classification.config import RecogniseConfig as RecogniseConfig
    from tracker.classification.recogniser import Recogniser as Recogniser
    from tracker.classification.recogniser import build_recogniser as build_recogniser
    from tracker.classification.track_classes import ClassPooling as ClassPooling
    from tracker.config import TrackerConfig as TrackerConfig
    from tracker.decorators import TrackerDecorator as TrackerDecorator
    from tracker.detectors.config import DetectorConfig as DetectorConfig
    from tracker.detectors.registry import build_detector as build_detector
    from tracker.engine import Tracker as Tracker
    from tracker.learned.liquid_motion import LiquidMotion as LiquidMotion
    from tracker.masks.config import MaskConfig as MaskConfig
    from tracker.masks.config import OutlineConfig as OutlineConfig
    from tracker.masks.initial_mask import mask_of_box as mask_of_box
    from tracker.masks.initial_mask import mask_of_polygon as mask_of_polygon
    from tracker.masks.outlines import OutlineStage as OutlineStage
    from tracker.masks.propagation import MaskPropagator as MaskPropagator
    from tracker.masks.stage import MaskPrompt as MaskPrompt
    from tracker.masks.stage import MaskStage as MaskStage
    from tracker.offline.config import OfflineConfig as OfflineConfig
    from tracker.offline.track import refine_tracks as refine_tracks
    from tracker.offline.track import track_whole as track_whole
    from tracker.offline.types import Constraint as Constraint
    from tracker.offline.types import VideoDetections as VideoDetections
    from tracker.offline.types import WholeTracks as WholeTracks
    from tracker.offline.windows import track_windows as track_windows
    from tracker.pipeline.build import build_pipeline as build_pipeline
    from tracker.pipeline.build import track_video as track_video
    from tracker.pipeline.config import PipelineConfig as PipelineConfig
    from tracker.pipeline.live import run_live as run_live
    from tracker.pipeline.loop import Pipeline as Pipeline
    from tracker.pipeline.loop import Summary as Summary
    from tracker.pipeline.loop import run as run
    from tracker.pipeline.loop import track as track
    from tracker.pipeline.stages import CameraMotionStage as CameraMotionStage
    from tracker.pipeline.stages import EmbedStage as EmbedStage
    from tracker.pipeline.track_cameras import track_cameras as track_cameras
    from tracker.protocols import Detector as Detector
    from tracker.protocols import FrameContext as FrameContext
    from tracker.protocols import Sink as Sink
    from tracker.protocols import Source as Source
    from tracker.protocols import SourceInfo as SourceInfo
    from tracker.protocols import Stage as Stage
    from tracker.protocols import Stop as Stop
    from tracker.providers import provide as provide
    from tracker.reid.config import ReidConfig as ReidConfig
    from tracker.reid.tracker import ReidTracker as ReidTracker
    from tracker.single_object.box_prompt import BoxPrompt as BoxPrompt
    from tracker.single_object.manager import SingleObjectManager as SingleObjectManager
    from tracker.single_object.search_region import FrozenView as FrozenView
    from tracker.single_object.tracker import SingleObjectTracker as SingleObjectTracker
    from tracker.supervision import from_supervision as from_supervision
    from tracker.supervision import to_supervision as to_supervision
    from tracker.types import Detections as Detections
    from tracker.types import Frame as Frame
    from tracker.types import State as State
    from tracker.types import Tracks as Tracks

_PLACES = {
    "models.errors": (
        "ConfigError",
        "DataError",
        "LiquidTrackError",
        "SourceError",
        "WeightsError",
    ),
    "models.runtime.compute": ("Compute",),
    "tracker.appearance.embedder": ("FrozenEmbedder",),
    "tracker.pipeline.build": (
        "build_pipeline",
        "track_video",
    ),
    "tracker.camera_motion": ("AutoCameraMotion", "FlowCameraMotion"),
    "tracker.classification.config": ("RecogniseConfig",),
    "tracker.classification.recogniser": (
        "Recogniser",
        "build_recogniser",
    ),
    "tracker.classification.track_classes": ("ClassPooling",),
    "tracker.config": ("TrackerConfig",),
    "tracker.decorators": ("TrackerDecorator",),
    "tracker.appearance.config": ("AppearanceConfig",),
    "tracker.detectors.config": ("DetectorConfig",),
    "tracker.detectors.registry": ("build_detector",),
    "tracker.engine": ("Tracker",),
    "tracker.learned.liquid_motion": ("LiquidMotion",),
    "tracker.masks.config": (
        "MaskConfig",
        "OutlineConfig",
    ),
    "tracker.masks.initial_mask": (
        "mask_of_box",
        "mask_of_polygon",
    ),
    "tracker.masks.outlines": ("OutlineStage",),
    "tracker.masks.propagation": ("MaskPropagator",),
    "tracker.masks.stage": (
        "MaskPrompt",
        "MaskStage",
    ),
    "tracker.offline.config": ("OfflineConfig",),
    "tracker.offline.track": (
        "refine_tracks",
        "track_whole",
    ),
    "tracker.offline.types": (
        "Constraint",
        "VideoDetections",
        "WholeTracks",
    ),
    "tracker.offline.windows": ("track_windows",),
    "tracker.pipeline.live": ("run_live",),
    "tracker.pipeline.track_cameras": ("track_cameras",),
    "tracker.pipeline.loop": (
        "Pipeline",
        "Summary",
        "run",
        "track",
    ),
    "tracker.pipeline.config": ("PipelineConfig",),
    "tracker.protocols": (
        "Detector",
        "FrameContext",
        "Sink",
        "Source",
        "SourceInfo",
        "Stage",
        "Stop",
    ),
    "tracker.providers": ("provide",),
    "tracker.reid.config": ("ReidConfig",),
    "tracker.reid.tracker": ("ReidTracker",),
    "tracker.single_object.box_prompt": ("BoxPrompt",),
    "tracker.single_object.manager": ("SingleObjectManager",),
    "tracker.single_object.search_region": ("FrozenView",),
    "tracker.single_object.tracker": ("SingleObjectTracker",),
    "tracker.pipeline.stages": (
        "CameraMotionStage",
        "EmbedStage",
    ),
    "tracker.supervision": (
        "from_supervision",
        "to_supervision",
    ),
    "tracker.types": (
        "Detections",
        "Frame",
        "State",
        "Tracks",
    ),
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _PLACES)
