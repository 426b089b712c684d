"""Boxes that start our own masks in `eval segmentation`: true ones, true ones with an error, or those of a detector."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tools.evaluate.config.segmentation import EvalSegmentationConfig
from tracker.boxes import overlaps
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.masks.estimate import box_around
from tracker.masks.initial_mask import mask_of_box
from tracker.protocols import Detector
from tracker.types import Detections, Float32, Frame, UInt8

JITTER = 0.05  # standard deviation of each edge, as a share of the box's side
MIN_IOU = 0.5  # least IoU of a detection with the true box of an object that it starts


@dataclass(frozen=True, eq=False, slots=True)
class StartBoxes:
    """The boxes of the objects of a frame.

    Attributes:
        number: the objects, from the largest to the smallest.
        xyxy: (N, 4) float32, pixels.
        missed: those that the detector did not find, whose boxes are true ones with an error.
    """

    number: tuple[int, ...]
    xyxy: Float32
    missed: tuple[int, ...] = ()


def true_boxes(numbers: UInt8) -> StartBoxes:
    """The boxes around the objects of (H, W) object numbers."""
    found = [int(k) for k in np.unique(numbers) if k]
    order = sorted(found, key=lambda k: -np.count_nonzero(numbers == k))
    return StartBoxes(tuple(order), np.array([box_around(numbers == k) for k in order], np.float32).reshape(-1, 4))


def jittered(boxes: StartBoxes, size: tuple[int, int], seed: int, name: str, frame: int) -> StartBoxes:
    """The boxes with an error: each edge is moved by a normal amount; the same for the same seed, clip and frame."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), frame])
    sides = np.tile(boxes.xyxy[:, 2:] - boxes.xyxy[:, :2], 2)
    moved = boxes.xyxy + rng.normal(0, JITTER, boxes.xyxy.shape) * sides
    low = np.minimum(moved[:, :2], boxes.xyxy[:, 2:] - 4)  # a box keeps some area, whatever the error
    high = np.maximum(moved[:, 2:], low + 4)
    edge = np.tile(np.array(size, np.float64), 2)
    return replace(boxes, xyxy=np.clip(np.hstack([low, high]), 0, edge).astype(np.float32))


def detected(boxes: StartBoxes, found: Detections, otherwise: StartBoxes) -> StartBoxes:
    """For each object the detection that fits its true box best, each used once; else its box of `otherwise`."""
    xyxy, missed = boxes.xyxy.copy(), []
    fit = overlaps(boxes.xyxy.astype(np.float64), found.xyxy.astype(np.float64))
    for row, number in enumerate(boxes.number):
        best = int(fit[row].argmax()) if len(found) else -1
        if best >= 0 and fit[row, best] >= MIN_IOU:
            xyxy[row] = found.xyxy[best]
            fit[:, best] = 0
        else:
            xyxy[row] = otherwise.xyxy[row]
            missed.append(number)
    return replace(boxes, xyxy=xyxy, missed=tuple(missed))


class BoxPrompts:
    """The boxes that a clip's objects start from, by the settings.

    Args:
        config: settings; `start` is not `mask`.

    Attributes:
        missed: number of boxes of objects that the detector did not find.
        asked: number of boxes of objects.
    """

    def __init__(self, config: EvalSegmentationConfig) -> None:
        self._config = config
        self.detector: Detector | None = None
        if config.start == "detected":
            self.detector = build_detector(DetectorConfig(config.detector))
        self.missed = self.asked = 0

    def __call__(self, name: str, frame: Frame, truth: UInt8) -> StartBoxes:
        """The boxes of the objects in (H, W) `truth`."""
        boxes = true_boxes(truth)
        self.asked += len(boxes.number)
        if self._config.start in ("box", "grabcut"):
            return boxes
        moved = jittered(boxes, frame.size, self._config.seed, name, frame.index)
        if self.detector is None:
            return moved
        seen = detected(boxes, self.detector(frame), moved)
        self.missed += len(seen.missed)
        return seen

    def masks(self, name: str, frame: Frame, truth: UInt8) -> UInt8:
        """(H, W) object numbers made from the boxes, larger objects behind."""
        boxes = self(name, frame, truth)
        found = np.zeros_like(truth)
        for number, box in zip(boxes.number, boxes.xyxy, strict=True):
            found[mask_of_box(frame.bgr, box, "grabcut" if self._config.start == "grabcut" else "salience")] = number
        return found

    def detections(self, name: str, truth: Callable[[Frame], UInt8]) -> Callable[[Frame], Detections]:
        """A detector of the clip's objects in every frame; it gives their boxes without their numbers."""

        def detect(frame: Frame) -> Detections:
            boxes = self(name, frame, truth(frame))
            count = len(boxes.number)
            return Detections(boxes.xyxy, np.ones(count, np.float32), np.zeros(count, np.int64))

        return detect

    @property
    def note(self) -> str | None:
        """A sentence on boxes that the detector did not find."""
        if not self.missed:
            return None
        return (
            f"the detector {self._config.detector} found {self.asked - self.missed} of {self.asked} boxes; the others "
            f"are true ones, each edge moved by {100 * JITTER:g} % of its side."
        )
