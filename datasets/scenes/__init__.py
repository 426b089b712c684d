"""Rendered scenes with ground truth: for tests, for the README image, and where no real clip is available.

The public names are listed here and loaded at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from datasets.scenes.config import Scene as Scene
    from datasets.scenes.config import parse as parse
    from datasets.scenes.export import DetectorNoise as DetectorNoise
    from datasets.scenes.export import write_motchallenge as write_motchallenge
    from datasets.scenes.export import write_video as write_video
    from datasets.scenes.renderer import NAMES as NAMES
    from datasets.scenes.renderer import FrameTruth as FrameTruth
    from datasets.scenes.renderer import Renderer as Renderer
    from datasets.scenes.renderer import render as render
    from datasets.scenes.source import SceneSource as SceneSource
    from datasets.scenes.source import open_scene as open_scene
    from datasets.scenes.source import truth_of as truth_of

_PLACES = {
    "datasets.scenes.config": (
        "Scene",
        "parse",
    ),
    "datasets.scenes.export": (
        "DetectorNoise",
        "write_motchallenge",
        "write_video",
    ),
    "datasets.scenes.renderer": (
        "NAMES",
        "Renderer",
        "FrameTruth",
        "render",
    ),
    "datasets.scenes.source": (
        "SceneSource",
        "open_scene",
        "truth_of",
    ),
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _PLACES)
