"""Label formats: one module per format with a reader and a streaming writer (a `Sink`), all listed in `FORMATS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from datasets.formats.detection_file import DetectionFile as DetectionFile
    from datasets.formats.registry import FORMATS as FORMATS
    from datasets.formats.registry import read as read
    from datasets.formats.registry import write as write

_PLACES = {
    "datasets.formats.detection_file": ("DetectionFile",),
    "datasets.formats.registry": (
        "FORMATS",
        "read",
        "write",
    ),
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _PLACES)
