"""The crop: a square around an object, scaled so that the object's size in it is nearly constant."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tracker.types import Float32, Float64, UInt8

STD_TO_HALF_SIDE = 1.7320508  # sqrt(3): half the side of a uniform bar in standard deviations
MARGIN = 0.15  # of a detected box, to each side, as a share of that side: detectors cut off hands and feet
MIN_SIDE_PX = 48  # pixels of the image; smaller crops show no detail


def extent(weight: Float32) -> Float64:
    """(4,) left, top, right, bottom of the bar that has the centre and spread of (H, W) weights; not all may be 0.

    Unlike the box around a mask, it does not jump with thin parts, such as hair or a rope, that appear and vanish.
    """
    edges = []
    for axis in (0, 1):
        mass = weight.sum(axis=axis, dtype=np.float64)
        at = np.arange(len(mass)) + 0.5
        centre = float(mass @ at / mass.sum())
        spread = STD_TO_HALF_SIDE * max(float(mass @ (at - centre) ** 2 / mass.sum()), 1.0) ** 0.5
        edges.append((centre - spread, centre + spread))
    (left, right), (top, bottom) = edges
    return np.array([left, top, right, bottom])


def grown(box: Float64) -> Float64:
    """A detected box with the margin in which its object may lie."""
    margin = MARGIN * np.tile(box[2:] - box[:2], 2) + 1
    return np.asarray(box + margin * [-1, -1, 1, 1])


def longest(box: Float64) -> float:
    """The longer side of a box."""
    return float(max(box[2] - box[0], box[3] - box[1]))


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of whole pixels of an image; it may reach beyond the image.

    Attributes:
        left: pixels.
        top: pixels.
        side: pixels.
    """

    left: int
    top: int
    side: int

    @classmethod
    def around(cls, box: Float64, factor: float) -> Crop:
        """`factor` times the longer side of the box, about its centre."""
        side = max(round(factor * longest(box)), MIN_SIDE_PX)
        left, top = (round(float(box[k] + box[k + 2] - side) / 2) for k in (0, 1))
        return cls(left, top, side)

    def _overlap(self, height: int, width: int) -> tuple[slice, slice, tuple[int, int, int, int]]:
        """The rows and columns of the image inside the square, and the square's margins beyond the image."""
        top, left = min(max(self.top, 0), height - 1), min(max(self.left, 0), width - 1)
        bottom, right = (
            max(min(self.top + self.side, height), top + 1),
            max(min(self.left + self.side, width), left + 1),
        )
        out = (top - self.top, self.top + self.side - bottom, left - self.left, self.left + self.side - right)
        return slice(top, bottom), slice(left, right), (max(out[0], 0), max(out[1], 0), max(out[2], 0), max(out[3], 0))

    def picture(self, bgr: UInt8, size: int) -> UInt8:
        """(size, size, 3) cut from an image; beyond its border the outermost pixels are repeated."""
        rows, columns, out = self._overlap(*bgr.shape[:2])
        part = cv2.copyMakeBorder(bgr[rows, columns], *out, cv2.BORDER_REPLICATE)
        how = cv2.INTER_AREA if min(part.shape[:2]) > size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(part, (size, size), interpolation=how), np.uint8)

    def weights(self, weight: Float32, size: int) -> Float32:
        """(size, size) cut from (H, W) weights; 0 beyond the border."""
        rows, columns, out = self._overlap(*weight.shape)
        part = cv2.copyMakeBorder(weight[rows, columns], *out, cv2.BORDER_CONSTANT, value=0)
        how = cv2.INTER_AREA if min(part.shape[:2]) > size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(part, (size, size), interpolation=how), np.float32)

    def inside(self, box: Float64, size: int) -> Float32:
        """(size, size) 1 inside a box of the image, else 0."""
        left, top, right, bottom = np.rint((box - np.tile([self.left, self.top], 2)) * size / self.side).astype(int)
        part = np.zeros((size, size), np.float32)
        part[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 1
        return part

    def free(self, taken: Float32, size: int) -> Float32:
        """(size, size) share of each pixel that lies in the image and is not `taken`, (H, W) 0..1."""
        return self.weights(1 - taken, size)

    def back(self, weight: Float32, shape: tuple[int, int]) -> Float32:
        """(H, W) weights of an image from (size, size) weights of the square; 0 elsewhere."""
        whole = np.zeros(shape, np.float32)
        rows, columns, (above, _, before, _) = self._overlap(*shape)
        how = cv2.INTER_AREA if weight.shape[0] > self.side else cv2.INTER_LINEAR
        own = cv2.resize(weight, (self.side, self.side), interpolation=how)
        part = own[above : above + rows.stop - rows.start, before : before + columns.stop - columns.start]
        target = whole[rows, columns]
        target[: part.shape[0], : part.shape[1]] = part
        return whole
