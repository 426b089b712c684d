"""A mask that moves with its object's box, until it is estimated again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tracker.boxes import overlaps
from tracker.inputs.masks import Masks
from tracker.masks.estimate import box_around
from tracker.types import Bool, Float32, Float64

MAX_SIDE_PX = 16384  # pixels: a box that grows without bounds does not fill the memory


@dataclass(frozen=True, eq=False, slots=True)
class BoxMask:
    """The mask of an object, and its detected box in the same frame.

    Attributes:
        pixels: (h, w) bool, the mask in the box around it.
        around: (4,) this box, pixels.
        box: (4,) the detected box, pixels.
        time: seconds, the frame's time.
    """

    pixels: Bool
    around: Float64
    box: Float64
    time: float

    @classmethod
    def of(cls, mask: Bool, box: Float32, time: float) -> BoxMask:
        """From an (H, W) mask, which must have a pixel, and a (4,) box."""
        around = box_around(mask).astype(int)
        pixels = mask[around[1] : around[3], around[0] : around[2]].copy()
        return cls(pixels, around.astype(np.float64), box.astype(np.float64), time)

    def change(self, box: Float32) -> float:
        """0..1, how much the object's box has changed since: 1 - IoU."""
        return 1 - float(overlaps(box.astype(np.float64)[None], self.box[None])[0, 0])

    def placed(self, box: Float32, shape: tuple[int, int]) -> Bool:
        """(H, W) the mask, moved and scaled as its box was."""
        scale = (box[2:] - box[:2]) / np.maximum(self.box[2:] - self.box[:2], 1e-6)
        at = np.rint(np.tile(box[:2], 2) + (self.around - np.tile(self.box[:2], 2)) * np.tile(scale, 2)).astype(int)
        width, height = np.clip(at[2:] - at[:2], 1, MAX_SIDE_PX).tolist()
        whole = np.zeros(shape, bool)
        left, top = max(int(at[0]), 0), max(int(at[1]), 0)
        right, bottom = min(int(at[0]) + width, shape[1]), min(int(at[1]) + height, shape[0])
        if right > left and bottom > top:
            part = cv2.resize(self.pixels.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
            rows, columns = slice(top - int(at[1]), bottom - int(at[1])), slice(left - int(at[0]), right - int(at[0]))
            whole[top:bottom, left:right] = part[rows, columns]
        return whole


def moved_masks(masks: Masks | None, before: Float32, after: Float32) -> Masks | None:
    """The masks of N tracks whose (N, 4) boxes were moved, each moved and scaled as its box was."""
    if masks is None or not len(masks.pixels):
        return masks
    shape = (masks.shape[1], masks.shape[2])
    pixels: list[Bool] = []
    row = np.full(len(masks), -1)
    for k, mask in enumerate(masks):
        if mask is not None and mask.any():
            row[k] = len(pixels)
            pixels.append(BoxMask.of(mask, before[k], 0.0).placed(after[k], shape))
    return Masks(np.array(pixels, bool).reshape(-1, *shape), row)
