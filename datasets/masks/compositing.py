"""Scenes of several objects made from sequences of one: the objects of some are laid over the pictures of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.types import UInt8

SHIFT_STEPS = 8  # shifts to either side, of an eighth of the width each


def shifts(masks: Sequence[UInt8]) -> tuple[int, ...]:
    """How far, in pixels to the right, each layer is moved so that in this frame no object is hidden without need.

    What counts is the largest share that any object loses, behind others or out of the picture: of a small one as of a
    large one. An object that is hidden when its mask is given cannot be followed by anybody; later on they may pass
    each other.

    Args:
        masks: (H, W) object numbers of each layer in the first frame, the one in front last; all of one size.
    """
    width = masks[0].shape[1]
    sizes = [max(int(np.count_nonzero(mask)), 1) for mask in masks]
    seen = [masks[0] > 0]
    chosen = [0]
    # of equals the least shift
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
    """The picture moved to the right; what comes in from the side is 0."""
    moved = np.zeros_like(picture)
    width = picture.shape[1]
    if right >= 0:
        moved[:, right:] = picture[:, : width - right]
    else:
        moved[:, :right] = picture[:, -right:]
    return moved


def compose(pictures: Sequence[UInt8], masks: Sequence[UInt8], right: Sequence[int] = ()) -> tuple[UInt8, UInt8]:
    """One frame of several: the first picture with the objects of the others over it, the last in front.

    Args:
        pictures: (H, W, 3) each, of one size.
        masks: (H, W) object numbers of each; whatever is not 0 is laid over.
        right: pixels that each layer is moved to the right, see `shifts`; nowhere where it is left out.

    Returns:
        the picture, and the masks with the objects of picture k numbered k + 1.
    """
    whole = pictures[0].copy()
    numbers = (masks[0] > 0).astype(np.uint8)
    right = right or (0,) * len(pictures)
    for k in range(1, len(pictures)):
        over = _moved(masks[k] > 0, right[k])
        whole[over] = _moved(pictures[k], right[k])[over]
        numbers[over] = k + 1
    return whole, numbers
