"""Occlusion: the hidden part of an object still counts for its place and its size.

Otherwise an object behind another one shrinks to its visible part, the crop gets too tight, and the object is not
recognised when it comes out.
"""

from __future__ import annotations

import numpy as np

from tracker.masks.crop import Crop
from tracker.types import Bool, Float32, Float64

FACTOR = 1.7  # the side, in lengths of the object, of the square that a shape is kept in
SIZE = 96  # its pixels a side
MIN_OCCLUDED_SHARE = 0.15  # of the object: with less hidden, it is rather the foresight that is a little off


def shape_of(weight: Float32, box: Float64) -> Float32:
    """(SIZE, SIZE) the (H, W) weights of an object with this extent, wherever it is and however large."""
    return Crop.around(box, FACTOR).weights(weight, SIZE)


def with_occluded_part(seen: Float32, rivals: Bool, shape: Float32, expected: Float64) -> Float32:
    """An object's weights, with what is likely to be hidden.

    Args:
        seen: (H, W) 0..1, its pixels in this frame.
        rivals: (H, W) the pixels of other objects.
        shape: its shape in the last frame that it was seen in, of `shape_of`.
        expected: (4,) its expected extent.
    """
    if not rivals.any():
        return seen
    before = Crop.around(expected, FACTOR).back(shape, (seen.shape[0], seen.shape[1]))
    whole = np.where(rivals, np.maximum(before, seen), seen)
    return whole if seen.sum() < (1 - MIN_OCCLUDED_SHARE) * whole.sum() else seen
