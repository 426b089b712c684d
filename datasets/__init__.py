"""What comes in and goes out: video, cameras and pictures with their clocks, label files, synthetic scenes.

What others may use is listed here and loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets.formats import FORMATS, read, write
    from datasets.formats.annotations import Annotations
    from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig

_PLACES = {
    "Annotations": "datasets.formats.annotations",
    "FORMATS": "datasets.formats",
    "read": "datasets.formats",
    "write": "datasets.formats",
    "SourceConfig": "datasets.sources.config",
    "open_source": "datasets.source_factory",
}

__all__ = ["FORMATS", "Annotations", "SourceConfig", "open_source", "read", "write"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
