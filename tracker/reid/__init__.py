"""Identities that come back: who was seen before, how alike two of them are, and the step that gives old ids again.

What stands here: the settings (`config`), everybody as rows of arrays (`people`), metric and odds (`likeness`), what
boxes look like (`looks`), and the step after the engine (`stage`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.reid.config import ReidConfig
    from tracker.reid.features import Looks
    from tracker.reid.stage import Returning

_PLACES = {"ReidConfig": "config", "Looks": "features", "Returning": "stage"}

__all__ = ["Looks", "ReidConfig", "Returning"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
