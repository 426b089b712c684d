"""Composes scenes of several objects from sequences of one: objects are pasted over the images of another sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.types import UInt8

SHIFT_STEPS = 8  # shifts tried to either side, in steps of an eighth of the width


def shifts(masks: Sequence[UInt8]) -> tuple[int, ...]:
    """Shift of each layer in pixels to the right that minimises occlusion in this frame.

    The criterion is the largest share that any object loses behind others or outside the image, regardless of the
    object's size. An object that is hidden in the frame of its initial mask cannot be tracked. In later frames objects
    may occlude each other.

    Args:
        masks: (H, W) object numbers of each layer in the first frame, the front layer last; all of one size.
    """
    width = masks[0].shape[1]
    sizes = [max(int(np.count_nonzero(mask)), 1) for mask in masks]
    seen = [masks[0] > 0]
    chosen = [0]
    # the smallest shift wins a tie
    wanted = [step * width // SHIFT_STEPS for step in sorted(range(-SHIFT_STEPS + 1, SHIFT_STEPS), key=abs)]
    for mask in masks[1:]:
        lost, left = [], []
        for right in wanted:
            there = _moved(mask > 0, right)
            left.append([*(one & ~there for one in seen), there])
            lost.append(max(1 - int(np.count_nonzero(o)) / size for o, size in zip(left[-1], sizes, strict=False)))
        best = int(np.argmin(lost))
        chosen.append(wanted[best])
        seen = left[best]
    return tuple(chosen)


def _moved(picture: NDArray[Any], right: int) -> NDArray[Any]:
    """The image shifted to the right; the uncovered columns are 0."""
    moved = np.zeros_like(picture)
    width = picture.shape[1]
    if right >= 0:
        moved[:, right:] = picture[:, : width - right]
    else:
        moved[:, :right] = picture[:, -right:]
    return moved


def compose(pictures: Sequence[UInt8], masks: Sequence[UInt8], right: Sequence[int] = ()) -> tuple[UInt8, UInt8]:
    """Composes one frame from several: the first image with the objects of the others over it, the last in front.

    Args:
        pictures: (H, W, 3) images of one size.
        masks: (H, W) object numbers of each image; pixels that are not 0 are pasted.
        right: shift of each layer to the right in pixels, see `shifts`; no shift if it is empty.

    Returns:
        the image, and the masks with the objects of image k numbered k + 1.
    """
    whole = pictures[0].copy()
    numbers = (masks[0] > 0).astype(np.uint8)
    right = right or (0,) * len(pictures)
    for k in range(1, len(pictures)):
        over = _moved(masks[k] > 0, right[k])
        whole[over] = _moved(pictures[k], right[k])[over]
        numbers[over] = k + 1
    return whole, numbers
