"""Names of the plug-ins that options accept, for help texts and completion.

This list is separate because the registries import what they register. A test keeps both equal. Ablations that only
the benchmarks use are left out.
"""

from __future__ import annotations

from models.association_head.config import CELLS, MODES
from tracker.detectors.config import KINDS

MOTIONS = ("kalman", "liquid")
COSTS = ("iou", "buffered_iou", "mahalanobis", "appearance", "mix")
BACKBONES = (*("efficientnet_lite0", "mobilenet_v3_small", "mobilenet_v3_large", "resnet18", "resnet34", "resnet50"),)
PROFILES = ("full", "stride5", "stride10", "drop70", "jitter", "bursty", "switching", "interrupted")
PEERS = ("sort", "bytetrack", "ocsort", "cbiou", "arcsort")

CHOICES: dict[str, tuple[str, ...]] = {
    "motion": MOTIONS,
    "cost": ("own", *COSTS),
    "appearance": ("auto", "none", "detector", *BACKBONES),
    "backbone": BACKBONES,
    "detector": ("auto", *KINDS),
    "cell": CELLS,
    "motion_modes": MODES,
    "profiles": PROFILES,
    "peers": PEERS,
}
