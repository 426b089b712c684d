"""Label formats: one module a format, one streaming writer (a `Sink`) and one reader each, all listed in `FORMATS`."""

from __future__ import annotations

from typing import Any

__all__ = ["FORMATS", "DetectionFile", "read", "write"]


def __getattr__(name: str) -> Any:
    if name == "DetectionFile":
        from datasets.formats.detection_file import DetectionFile

        return DetectionFile
    if name in __all__:
        from datasets.formats import registry

        return getattr(registry, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
