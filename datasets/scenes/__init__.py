"""Rendered scenes with their truth: for tests, for the README picture, and where no real clip can be had.

What others may use is listed here and loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets.scenes.config import Scene, parse
    from datasets.scenes.export import DetectorNoise, write_motchallenge, write_video
    from datasets.scenes.renderer import NAMES, Renderer, Truth, render
    from datasets.scenes.source import SceneSource, open_scene, truth_of

_PLACES = {
    "Scene": "config",
    "parse": "config",
    "DetectorNoise": "export",
    "write_motchallenge": "export",
    "write_video": "export",
    "NAMES": "renderer",
    "Renderer": "renderer",
    "Truth": "renderer",
    "render": "renderer",
    "SceneSource": "source",
    "open_scene": "source",
    "truth_of": "source",
}

__all__ = [
    "NAMES",
    "DetectorNoise",
    "Renderer",
    "Scene",
    "SceneSource",
    "Truth",
    "open_scene",
    "parse",
    "render",
    "truth_of",
    "write_motchallenge",
    "write_video",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
