"""Scenes of several objects made from sequences of one: the objects of some are laid over the pictures of another."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tracker.types import UInt8


def compose(pictures: Sequence[UInt8], masks: Sequence[UInt8]) -> tuple[UInt8, UInt8]:
    """One frame of several: the first picture with the objects of the others over it, the last in front.

    Args:
        pictures: (H, W, 3) each; the later ones may have other sizes and are scaled to the first one's.
        masks: (H, W) object numbers of each; whatever is not 0 is laid over.

    Returns:
        the picture, and the masks with the objects of picture k numbered k + 1.
    """
    height, width = pictures[0].shape[:2]
    whole = pictures[0].copy()
    numbers = (masks[0] > 0).astype(np.uint8)
    for k, (bgr, mask) in enumerate(zip(pictures[1:], masks[1:], strict=True), 2):
        over = (mask > 0).astype(np.uint8)
        if over.shape != (height, width):
            bgr = np.asarray(cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            over = np.asarray(cv2.resize(over, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
        inside = over > 0
        whole[inside] = bgr[inside]
        numbers[inside] = k
    return whole, numbers
