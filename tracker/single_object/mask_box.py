"""A second estimate of the object's box: the box around its mask, which is propagated in the search region.

The localiser has learnt where objects end; a mask follows the pixels of this one. Their errors are of different kinds,
so where both agree their mean is nearer to the truth than either. The mask is read from the frozen maps that the
localiser takes anyway, so that it costs no further pass of the CNN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from models.errors import ConfigError
from tracker.masks.estimate import MASK_PROBABILITY, MAX_SIMILARITY_DROP, MIN_SHARE, SIMILARITY_RATE, box_around
from tracker.masks.features import CellProjection, cell_features
from tracker.masks.guided_filter import GuidedFilter
from tracker.masks.initial_mask import mask_of_box
from tracker.masks.memory import MaskMemory, mean_similarity, recall, remember
from tracker.single_object.search_region import CELLS, SIZE, Window, cut
from tracker.types import Float32, Float64, UInt8

MIN_PIXELS = 80  # of the crop, of the smallest mask that counts


@dataclass(frozen=True, eq=False, slots=True)
class MaskLook:
    """The mask that was read from a search region.

    Attributes:
        xyxy: (4,) the object's box by the mask, pixels of the frame.
        mask: (SIZE, SIZE) 0..1, of the crop.
        features: (CELLS * CELLS, D) of its cells.
        similarity: to the remembered cells, a cosine.
        area: of the mask, pixels of the frame.
    """

    xyxy: Float64
    mask: Float32
    features: Float32
    similarity: float
    area: float


class MaskBox:
    """The mask of one object, from the box that the user gave (`start_mask`).

    Args:
        given: (4,) that box, pixels.
        tight: (4,) the box around its first mask, pixels.
        projection: from the features of a cell to fewer numbers.
        first: the first mask.
    """

    def __init__(self, given: Float64, tight: Float64, projection: CellProjection, first: MaskMemory) -> None:
        self._given, self._tight, self._projection, self._first = given, tight, projection, first
        self._recent: MaskMemory | None = None
        self._average, self._area = 0.0, 0.0

    def look(self, crop: UInt8, where: Window, maps: Sequence[Float32]) -> MaskLook | None:
        """The mask in a search region; None where the object is not recognised.

        Args:
            crop: (SIZE, SIZE, 3) the image in the window.
            where: the window.
            maps: (C, N, N) of each stride, of the crop.
        """
        features = self._projection(cell_features(maps, CELLS))
        memories = [m for m in (self._first, self._recent) if m is not None]
        coarse, known = recall(features, memories, CELLS)
        mask = np.clip(cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), 0, 1)
        mask = GuidedFilter(crop)(mask.astype(np.float32, copy=False))
        similarity = mean_similarity(coarse, known, CELLS)
        inside = mask > MASK_PROBABILITY
        pixels = int(np.count_nonzero(inside))
        area = pixels * (where.side / SIZE) ** 2
        if pixels < MIN_PIXELS or area < MIN_SHARE * self._area or similarity < self._average - MAX_SIMILARITY_DROP:
            return None
        box = self._as_given(where.from_crop(box_around(inside).astype(np.float64)))
        return MaskLook(box, mask, features, similarity, area)

    def learn(self, look: MaskLook, time: float) -> None:
        """Remembers the mask of the frame at `time` seconds."""
        self._average += (SIMILARITY_RATE if self._average else 1.0) * (look.similarity - self._average)
        self._area = look.area
        self._recent = remember(look.features, look.mask, CELLS, time)

    def _as_given(self, tight: Float64) -> Float64:
        """The box that lies around the box of the mask as the user's box lay around the first one."""
        low, size = np.tile(self._tight[:2], 2), np.tile(self._tight[2:] - self._tight[:2], 2)
        share = (self._given - low) / size
        return np.asarray(np.tile(tight[:2], 2) + share * np.tile(tight[2:] - tight[:2], 2), np.float64)


def start_mask(bgr: UInt8, xyxy: Float64, where: Window, maps: Sequence[Float32], time: float) -> MaskBox | None:
    """The mask of the object in a box; None where the box is too small to have one.

    Args:
        bgr: (H, W, 3) the image that the box was drawn in.
        xyxy: (4,) the box, pixels.
        where: the window that `maps` are of.
        maps: (C, N, N) of each stride.
        time: seconds.
    """
    try:
        found = mask_of_box(bgr, xyxy)
    except ConfigError:
        return None
    if not found.any():
        return None
    features = cell_features(maps, CELLS)
    projection = CellProjection(features)
    grey = np.repeat((found * np.uint8(255))[..., None], 3, axis=2)
    mask = cut(grey, where)[..., 0].astype(np.float32) / np.float32(255)
    first = remember(projection(features), mask, CELLS, time)
    return MaskBox(xyxy, box_around(found).astype(np.float64), projection, first)
