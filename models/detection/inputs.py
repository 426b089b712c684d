"""What the families of detectors share: the image's way to a network's input and back, and checks of their ports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import WeightsError
from models.runtime.arrays import Array
from models.runtime.session import Port

DecodedBoxes = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]  # (N, 4) pixels, score, label

STRIDES = (8, 16, 32)
LARGEST = 4096  # pixels, largest side of a network's input


@dataclass(frozen=True, slots=True)
class InputTransform:
    """The transform from an image to a network's input: input = image * scale + offset, in pixels."""

    scale: tuple[float, float]
    offset: tuple[float, float]
    size: tuple[int, int]  # (width, height) of the image
    input: tuple[int, int] | None = None  # (width, height) of the network's input, where images may differ in it

    def to_image(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes in pixels of the network's input -> boxes in pixels of the image."""
        shift, scale = np.array([self.offset * 2, self.scale * 2], np.float32)
        return np.asarray((xyxy - shift) / scale, dtype=np.float32)


class Decoder(Protocol):
    """The input and output format of a network family."""

    classes: int | None  # number of classes of the outputs, None where their shapes do not show it
    nms: float  # IoU of the family's non-maximum suppression, 1 where it needs none

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        """(H, W, 3) uint8 BGR -> arrays by input name, and the transform from the image to the input."""
        ...

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        """Raw outputs -> boxes in pixels of the image with at least `score`, before non-maximum suppression."""
        ...


def letterbox(bgr: NDArray[np.uint8], size: tuple[int, int], fill: int, centred: bool) -> tuple[Array, InputTransform]:
    """The image scaled into (width, height) with its aspect ratio, padded with `fill`; top left or centred."""
    height, width = bgr.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, int(width * scale)), max(1, int(height * scale)))
    left, top = ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2) if centred else (0, 0)
    canvas = np.full((size[1], size[0], 3), fill, np.uint8)
    target = canvas[top : top + inner[1], left : left + inner[0]]
    if inner == (width, height):
        target[:] = bgr
    else:
        target[:] = cv2.resize(bgr, inner, interpolation=cv2.INTER_LINEAR)
    return canvas, InputTransform((scale, scale), (float(left), float(top)), (width, height), size)


def free_size(bgr: NDArray[np.uint8], size: int) -> tuple[int, int]:
    """(width, height) of an input with the image's aspect ratio: the long side is `size`, both are multiples of 32."""
    height, width = bgr.shape[:2]
    scale = size / max(height, width)
    wide, high = (-(-max(1, int(side * scale)) // 32) * 32 for side in (width, height))
    return wide, high


def blob(bgr: Array, scale: float = 1.0, rgb: bool = False) -> Array:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32."""
    return np.asarray(cv2.dnn.blobFromImage(bgr, scale, swapRB=rgb))


def corners(cx: Array, cy: Array, w: Array, h: Array) -> NDArray[np.float32]:
    """Centres and sizes (N,) -> (N, 4) corners."""
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1).astype(np.float32)


def no_boxes() -> DecodedBoxes:
    """The answer without a box."""
    return np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)


@lru_cache(maxsize=16)
def grid(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """((A, 2) cell indices x, y, (A,) strides) of all anchor points of an input of (width, height) pixels."""
    cells, strides = [], []
    for stride in STRIDES:
        ys, xs = np.mgrid[: -(-size[1] // stride), : -(-size[0] // stride)]
        cells.append(np.stack([xs.ravel(), ys.ravel()], axis=1))
        strides.append(np.full(xs.size, stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def input_size(port: Port, metadata: Mapping[str, str], default: int) -> tuple[int, int]:
    """(width, height) of an image input: its own, the metadata's `imgsz`, or the default."""
    numbers = integers(metadata.get("imgsz", "")) or [default]
    height, width = port.shape[2:] if len(port.shape) == 4 else (None, None)
    return width or numbers[-1], height or numbers[0]


def integers(text: str) -> list[int]:
    """The integers in a file's metadata; long ones are truncated to their first digits."""
    return [int(digits[:9]) for digits in re.findall(r"\d+", text)]


def check_sizes(inputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
    sides = [side for port in inputs if len(port.shape) == 4 for side in port.shape if side]
    if (most := max(*sides, *integers(metadata.get("imgsz", "")), 0, 0)) > LARGEST:
        raise WeightsError(f"it takes pictures of {most} pixels a side; export it for {LARGEST} or fewer.")


def picture_port(inputs: Sequence[Port]) -> Port:
    """The input for the image: batch size 1, floating point, channels first."""
    pictures = [
        port
        for port in inputs
        if len(port.shape) == 4
        and port.shape[0] in (1, None)
        and port.shape[1] in (3, None)
        and np.issubdtype(port.dtype, np.floating)
    ]
    if len(pictures) != 1:
        raise WeightsError("it has no input of [1, 3, height, width] floating-point numbers for a picture")
    return pictures[0]


def check_cells(found: int, cells: int) -> None:
    if found != cells:
        raise WeightsError(f"the network answered for {found} cells where its family has {cells}; name its --family.")


def table_shape(outputs: Sequence[Port]) -> tuple[int | None, int | None]:
    """(rows, columns) of the first output, which must be (1, rows, columns)."""
    if not outputs or len(outputs[0].shape) != 3:
        raise WeightsError("its first output is no table [1, rows, columns]")
    return outputs[0].shape[1], outputs[0].shape[2]


def score_lines(text: str | None, classes: int | None) -> NDArray[np.float64]:
    """(C, 2) slope and shift of each class in a file's metadata; (1, 0) for all classes where there are none."""
    if text is None:
        return np.array([[1.0, 0.0]])
    try:
        lines = np.array(json.loads(text), np.float64)
    except (ValueError, TypeError, RecursionError):
        lines = np.zeros(0)
    if lines.ndim != 2 or lines.shape[1] != 2 or len(lines) != (classes or len(lines)):
        raise WeightsError("its metadata's calibration is not a slope and a shift for each class")
    if not (np.isfinite(lines).all() and (lines[:, 0] > 0).all()):
        raise WeightsError("its metadata's calibration has a slope that is not above 0, or no number")
    return lines
