"""Occlusion: the occluded part of an object still counts for its position and its size.

Otherwise an occluded object shrinks to its visible part, the crop gets too tight, and the object is not recognised
after the occlusion.
"""

from __future__ import annotations

import numpy as np

from tracker.masks.crop import Crop
from tracker.types import Bool, Float32, Float64

FACTOR = 1.7  # side of the square in which a shape is stored, in lengths of the object
SIZE = 96  # pixels, side of this square
MIN_OCCLUDED_SHARE = 0.15  # least occluded share of the object: a smaller one is rather a prediction error


def shape_of(weight: Float32, box: Float64) -> Float32:
    """(SIZE, SIZE) the (H, W) weights of an object with this extent, normalised in position and size."""
    return Crop.around(box, FACTOR).weights(weight, SIZE)


def with_occluded_part(seen: Float32, rivals: Bool, shape: Float32, expected: Float64) -> Float32:
    """An object's weights, including its probably occluded part.

    Args:
        seen: (H, W) 0..1, its pixels in this frame.
        rivals: (H, W) the pixels of other objects.
        shape: its shape in the last frame in which it was found, of `shape_of`.
        expected: (4,) its expected extent.
    """
    if not rivals.any():
        return seen
    before = Crop.around(expected, FACTOR).back(shape, (seen.shape[0], seen.shape[1]))
    whole = np.where(rivals, np.maximum(before, seen), seen)
    return whole if seen.sum() < (1 - MIN_OCCLUDED_SHARE) * whole.sum() else seen
