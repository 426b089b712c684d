"""Whether a box shows the object: similarity to the user's own box in the frozen maps.

The localiser finds what is most like the object, also where the object is not there. The cosine of the frozen features,
centred on the surroundings of the user's box, tells background and unlike objects apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.backbones.roi_align import roi_align
from tracker.single_object.search_region import STRIDES
from tracker.types import Float32

BINS = 4  # cells a side of the grid of features in a box


class BoxSimilarity:
    """Compares boxes with the first one.

    Args:
        maps: (C, N, N) of each stride, of the crop around the first box.
        xyxy: (4,) that box, pixels of the crop.
    """

    def __init__(self, maps: Sequence[Float32], xyxy: Float32) -> None:
        self._mean = [m.mean(axis=(1, 2), keepdims=True) for m in maps]
        self._first = self._descriptor(maps, xyxy)

    def __call__(self, maps: Sequence[Float32], xyxy: Float32) -> float:
        """The mean cosine of all strides, -1..1, for a box (4,) in the crop that `maps` are of."""
        return float((self._descriptor(maps, xyxy) * self._first).sum()) / len(STRIDES)

    def _descriptor(self, maps: Sequence[Float32], xyxy: Float32) -> Float32:
        parts = []
        for m, mean, stride in zip(maps, self._mean, STRIDES, strict=True):
            part = roi_align(m - mean, xyxy[None], (BINS, BINS), (1 / stride, 1 / stride), 2)
            parts.append(part.ravel() / max(float(np.linalg.norm(part)), 1e-9))
        return np.concatenate(parts)
