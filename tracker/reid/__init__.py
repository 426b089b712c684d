"""Re-identification: a gallery of earlier identities, their similarity, and a tracker that uses both.

`config` holds the settings, `gallery` the identities, `matching` the metric and the log-odds, `features` the networks.
`stage` decides and restores ids, and `tracker` decorates a tracker with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from tracker.reid.config import ReidConfig as ReidConfig
    from tracker.reid.features import ReidFeatures as ReidFeatures
    from tracker.reid.stage import ReidStage as ReidStage
    from tracker.reid.tracker import ReidTracker as ReidTracker

_PLACES = {
    "tracker.reid.config": ("ReidConfig",),
    "tracker.reid.features": ("ReidFeatures",),
    "tracker.reid.stage": ("ReidStage",),
    "tracker.reid.tracker": ("ReidTracker",),
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _PLACES)
