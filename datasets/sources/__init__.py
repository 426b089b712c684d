"""Where frames come from: video files, pictures, MOTChallenge folders, cameras, streams, each with true times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets.source_factory import open_source
    from datasets.sources.config import SourceConfig

__all__ = ["SourceConfig", "open_source"]


def __getattr__(name: str) -> Any:
    if name == "open_source":
        from datasets.source_factory import open_source

        return open_source
    if name == "SourceConfig":
        from datasets.sources.config import SourceConfig

        return SourceConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
