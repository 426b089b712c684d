"""The networks: frozen backbones, their weights, detector heads, liquid cells.

Tensors in, tensors out; label files and video are outside this package.
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

_PLACES = {
    "models.errors": (
        "ConfigError",
        "DataError",
        "LiquidTrackError",
        "SourceError",
        "WeightsError",
    ),
    "models.runtime.compute": ("Compute",),
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _PLACES)
