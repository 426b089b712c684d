"""The detection head's sizes. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from models.checks.limits import check_ranges

# Classes of outdoor cameras: people, vehicles, and COCO's animals.
CLASSES = (
    "person",
    "bicycle",
    "motorcycle",
    "car",
    "bus",
    "truck",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
)


@dataclass(frozen=True, slots=True)
class DetectionHeadConfig:
    """The detection head on the frozen EfficientNet-Lite0.

    Attributes:
        width: channels of the feature maps, at least 8.
        depth: blocks of each of the two branches.
        bins: bins of the distance from a cell to a side. A distance is a distribution over 0 to bins - 1 strides; 4 or
            more.
    """

    width: int = 96
    depth: int = 1
    bins: int = 12

    def __post_init__(self) -> None:
        check_ranges(self, {"width": (8, 1024), "depth": (1, 16), "bins": (4, 64)})
