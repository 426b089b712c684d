"""Decoders of detector networks by family: preparation of the image, raw outputs to boxes. Arrays only, no files.

YOLOX: Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430. NanoDet: RangiLyu/nanodet; its boxes are
distributions over distances, Li et al., "Generalized Focal Loss", arXiv:2006.04388, eq. 3-4. DETR style: networks
that take `orig_target_sizes` and return labels, boxes and scores (RT-DETR, D-FINE; DEIM: arXiv:2412.04234).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detection.calibration import apply, undo
from models.errors import WeightsError
from models.runtime.arrays import Array
from models.runtime.session import Port

DecodedBoxes = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]  # (N, 4) pixels, score, label

STRIDES = (8, 16, 32)
LARGEST = 4096  # pixels, largest side of a network's input
LITE_SIZE = 512  # pixels, default long side of the input of the package's own detector
_DETR = ("boxes", "scores", "labels")
_NANODET_MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # BGR, ImageNet
_NANODET_STD = np.array([57.375, 57.12, 58.395], np.float32)


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


def _blob(bgr: Array, scale: float = 1.0, rgb: bool = False) -> Array:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32."""
    return np.asarray(cv2.dnn.blobFromImage(bgr, scale, swapRB=rgb))


def _corners(cx: Array, cy: Array, w: Array, h: Array) -> NDArray[np.float32]:
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=1).astype(np.float32)


def _empty() -> DecodedBoxes:
    return np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)


@lru_cache(maxsize=16)
def _grid(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """((A, 2) cell indices x, y, (A,) strides) of all anchor points of an input of (width, height) pixels."""
    cells, strides = [], []
    for stride in STRIDES:
        ys, xs = np.mgrid[: -(-size[1] // stride), : -(-size[0] // stride)]
        cells.append(np.stack([xs.ravel(), ys.ravel()], axis=1))
        strides.append(np.full(xs.size, stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _input_size(port: Port, metadata: Mapping[str, str], default: int) -> tuple[int, int]:
    """(width, height) of an image input: its own, the metadata's `imgsz`, or the default."""
    numbers = _numbers(metadata.get("imgsz", "")) or [default]
    height, width = port.shape[2:] if len(port.shape) == 4 else (None, None)
    return width or numbers[-1], height or numbers[0]


def _numbers(text: str) -> list[int]:
    """The integers in a file's metadata; long ones are truncated to their first digits."""
    return [int(digits[:9]) for digits in re.findall(r"\d+", text)]


def _check_sizes(inputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
    sides = [side for port in inputs if len(port.shape) == 4 for side in port.shape if side]
    if (most := max(*sides, *_numbers(metadata.get("imgsz", "")), 0, 0)) > LARGEST:
        raise WeightsError(f"it takes pictures of {most} pixels a side; export it for {LARGEST} or fewer.")


def _picture(inputs: Sequence[Port]) -> Port:
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


def _check_cells(found: int, cells: int) -> None:
    if found != cells:
        raise WeightsError(f"the network answered for {found} cells where its family has {cells}; name its --family.")


def _table(outputs: Sequence[Port]) -> tuple[int | None, int | None]:
    """(rows, columns) of the first output, which must be (1, rows, columns)."""
    if not outputs or len(outputs[0].shape) != 3:
        raise WeightsError("its first output is no table [1, rows, columns]")
    return outputs[0].shape[1], outputs[0].shape[2]


class YoloXDecoder:
    """BGR 0..255, top left on 114; output (1, A, 5 + C): centre and log size in strides, objectness, classes.

    Exports that include the decoding (YOLOX's --decode_in_inference), with centre and size in pixels, are read too.
    """

    nms = 0.5

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
        picture = _picture(inputs)
        self._name, self._size = picture.name, _input_size(picture, metadata, 640)
        self._cells, self._strides = _grid(self._size)
        anchors, channels = _table(outputs)
        if channels is None or channels < 6 or (anchors is not None and anchors != len(self._strides)):
            raise WeightsError(f"its output {outputs[0]} is not YOLOX's [1, {len(self._strides)}, 5 + classes]")
        self.classes: int | None = channels - 5

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        canvas, fit = letterbox(bgr, self._size, 114, centred=False)
        return {self._name: _blob(canvas)}, fit

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        raw = outputs[0][0]
        _check_cells(len(raw), len(self._cells))
        # A raw centre lies within a few cells of its own cell; in pixels it exceeds the finest grid's last cell by far.
        decoded = raw[:, :2].max() > self._cells.max() + 1
        rows = np.flatnonzero(raw[:, 4] >= score)  # a class score never exceeds the objectness
        raw = raw[rows].astype(np.float32, copy=False)
        label = raw[:, 5:].argmax(axis=1)
        joint = raw[:, 4] * raw[np.arange(len(raw)), 5 + label]
        keep = joint >= score
        rows, raw, label, joint = rows[keep], raw[keep], label[keep], joint[keep]
        centre, size = raw[:, :2], raw[:, 2:4]
        if not decoded:
            stride = self._strides[rows, None]
            centre, size = (centre + self._cells[rows]) * stride, np.exp(size) * stride
        xyxy = _corners(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
        return fit.to_image(xyxy), joint, label.astype(np.int64)


class YoloV8Decoder:
    """RGB 0..1, centred on 114; output (1, 4 + C, A): centre and size in input pixels, classes.

    Exports that include the suppression, (1, N, 6) of corners, score, class, are read too. Further columns of
    segmentation and pose networks (mask coefficients, key points) are ignored; rotated boxes are rejected.
    """

    nms = 0.6

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
        picture = _picture(inputs)
        self._name, self._size = picture.name, _input_size(picture, metadata, 640)
        first, second = _table(outputs)
        if metadata.get("task") == "obb":
            raise WeightsError("it answers with turned boxes, which no track has")
        masks = outputs[1].shape[1] if len(outputs) > 1 and len(outputs[1].shape) == 4 else 0
        extra = math.prod(_numbers(metadata.get("kpt_shape", "0"))) + (masks or 0)
        self._final = second == 6 + extra and (first is None or first > second)
        self.classes: int | None = None
        if self._final:
            self.nms = 1.0
        elif first is None or first < 5 + extra or (second is not None and second <= first):
            raise WeightsError(f"its output {outputs[0]} is not YOLOv8's [1, 4 + classes, boxes]")
        else:
            self.classes = first - 4 - extra

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        canvas, fit = letterbox(bgr, self._size, 114, centred=True)
        return {self._name: _blob(canvas, 1 / 255, rgb=True)}, fit

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        raw = outputs[0][0].astype(np.float32, copy=False)
        if self._final:
            raw = raw[raw[:, 4] >= score]
            return fit.to_image(raw[:, :4]), raw[:, 4], raw[:, 5].astype(np.int64)
        assert self.classes is not None
        scores = raw[4 : 4 + self.classes]
        columns = np.flatnonzero(scores.max(axis=0) >= score)
        box, scores = raw[:4, columns], scores[:, columns]
        label = scores.argmax(axis=0)
        best = scores[label, np.arange(len(columns))]
        return fit.to_image(_corners(*box)), best, label.astype(np.int64)


class DetrDecoder:
    """RGB 0..1 stretched to the input, with the original size; outputs labels, boxes (corners, pixels), scores."""

    nms = 1.0  # one query for each object: trained with a matching loss

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
        names = [port.name for port in outputs]
        sizes = [port.name for port in inputs if port.name == "orig_target_sizes"]
        if not sizes or not set(_DETR) <= set(names):
            raise WeightsError("a DETR-style network has an input orig_target_sizes and outputs labels, boxes, scores")
        if any(len(port.shape) != (3 if port.name == "boxes" else 2) for port in outputs if port.name in _DETR):
            raise WeightsError("its outputs are not DETR's labels [1, N], boxes [1, N, 4], scores [1, N]")
        picture = _picture(inputs)
        self._image, self._sizes, self._size = picture.name, sizes[0], _input_size(picture, metadata, 640)
        self._order = [names.index(name) for name in _DETR]
        self.classes: int | None = None

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        height, width = bgr.shape[:2]
        image = _blob(cv2.resize(bgr, self._size, interpolation=cv2.INTER_LINEAR), 1 / 255, rgb=True)
        fit = InputTransform((self._size[0] / width, self._size[1] / height), (0.0, 0.0), (width, height))
        return {self._image: image, self._sizes: np.array([[width, height]], np.int64)}, fit

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        boxes, scores, labels = (outputs[i][0] for i in self._order)
        keep = scores >= score
        return boxes[keep].astype(np.float32), scores[keep].astype(np.float32), labels[keep].astype(np.int64)


class NanoDetDecoder:
    """BGR, normalised, centred on 0; per stride cls_pred (1, n, C) and dis_pred (1, n, 4 * bins)."""

    nms = 0.6

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
        picture = _picture(inputs)
        self._name, self._size = picture.name, _input_size(picture, metadata, 416)
        names = [port.name for port in outputs]
        wanted = [f"{part}_pred_stride_{stride}" for stride in STRIDES for part in ("cls", "dis")]
        if not set(wanted) <= set(names):
            raise WeightsError(f"a NanoDet network has the outputs {', '.join(wanted)}")
        self._pairs = [
            (names.index(f"cls_pred_stride_{stride}"), names.index(f"dis_pred_stride_{stride}")) for stride in STRIDES
        ]
        self.classes: int | None = outputs[self._pairs[0][0]].shape[-1]
        cells, self._strides = _grid(self._size)
        self._points = (cells + 0.5) * self._strides[:, None] - 0.5
        self._starts = np.concatenate([[0], np.cumsum([np.sum(self._strides == stride) for stride in STRIDES])])

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        canvas, fit = letterbox(bgr, self._size, 0, centred=True)
        blob = _blob(canvas)
        blob -= _NANODET_MEAN[:, None, None]
        blob /= _NANODET_STD[:, None, None]
        return {self._name: blob}, fit

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        found = []
        for level, (cls, dis) in enumerate(self._pairs):
            _check_cells(len(outputs[cls][0]), self._starts[level + 1] - self._starts[level])
            rows = np.flatnonzero(outputs[cls][0].max(axis=1) >= score)
            if len(rows):
                found.append((rows + self._starts[level], outputs[cls][0][rows], outputs[dis][0][rows]))
        if not found:
            return _empty()
        rows, scores, logits = (np.concatenate(part) for part in zip(*found, strict=True))
        bins = logits.reshape(len(rows), 4, -1).astype(np.float32, copy=False)
        weight = np.exp(bins - bins.max(axis=2, keepdims=True))
        distance = (weight * np.arange(bins.shape[2])).sum(axis=2) / weight.sum(axis=2) * self._strides[rows, None]
        points = self._points[rows]
        xyxy = np.concatenate([points - distance[:, :2], points + distance[:, 2:]], axis=1).astype(np.float32)
        label = scores.argmax(axis=1)
        return fit.to_image(xyxy), scores[np.arange(len(rows)), label].astype(np.float32), label.astype(np.int64)


class LiteDecoder:
    """RGB, (x - 127) / 128, top left on 127, sides rounded up to 32; scores (1, A, C), distances (1, A, 4).

    liquidtrack's own detector (`lite_head.py`): distances to the sides in strides, from the centre of each cell;
    further outputs are the backbone's maps of strides 8, 16, 32. It takes images of any size; their long side is
    `size`.
    """

    nms = 0.5

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
        picture = _picture(inputs)
        names = [port.name for port in outputs if len(port.shape) == 3]
        if not {"scores", "distances"} <= set(names):
            raise WeightsError("a lite network has the outputs scores [1, cells, classes] and distances [1, cells, 4]")
        names = [port.name for port in outputs]
        self._order = names.index("scores"), names.index("distances")
        self.classes: int | None = outputs[self._order[0]].shape[2]
        self._name, self._fixed = picture.name, picture.shape[2:]
        self.size = max(_input_size(picture, metadata, LITE_SIZE))
        self._lines = _lines(metadata.get("calibration"), self.classes)
        self._shape = self._fixed[1] or self.size, self._fixed[0] or self.size  # of the largest input

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        height, width = bgr.shape[:2]
        scale = self.size / max(height, width)
        free = (-(-max(1, int(side * scale)) // 32) * 32 for side in (width, height))
        wide, high = (have or want for have, want in zip(self._fixed[::-1], free, strict=True))
        canvas, fit = letterbox(bgr, (wide, high), 127, centred=False)
        return {self._name: np.asarray(cv2.dnn.blobFromImage(canvas, 1 / 128, mean=(127.0,) * 3, swapRB=True))}, fit

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        scores, distances = (outputs[k][0] for k in self._order)
        cells, strides = _grid(fit.input or self._shape)
        _check_cells(len(scores), len(cells))
        rows = np.flatnonzero((scores >= undo(score, self._lines).astype(np.float32)).any(axis=1))
        scores = apply(scores[rows], self._lines)
        label = scores.argmax(axis=1)
        sure = scores[np.arange(len(rows)), label]
        reach = distances[rows].astype(np.float32, copy=False) * strides[rows, None]
        middle = (cells[rows] + 0.5) * strides[rows, None]
        xyxy = np.concatenate([middle - reach[:, :2], middle + reach[:, 2:]], axis=1).astype(np.float32)
        return fit.to_image(xyxy), sure, label.astype(np.int64)


def _lines(text: str | None, classes: int | None) -> NDArray[np.float64]:
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


# In the order of "auto": named outputs are unambiguous, YOLOX is recognised by its number of anchors.
DECODERS: dict[str, Callable[[Sequence[Port], Sequence[Port], Mapping[str, str]], Decoder]] = {
    "lite": LiteDecoder,
    "nanodet": NanoDetDecoder,
    "detr": DetrDecoder,
    "yolox": YoloXDecoder,
    "yolov8": YoloV8Decoder,
}


def make_decoder(
    name: str, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str] | None = None
) -> Decoder:
    """The decoder of that name, or with "auto" the first family that the inputs and outputs fit.

    Raises:
        WeightsError: they fit no known family, or not the named one, or the network's input is too large.
    """
    _check_sizes(inputs, metadata or {})
    seen = f"inputs {', '.join(map(str, inputs))}; outputs {', '.join(map(str, outputs))}"
    if name != "auto":
        try:
            return DECODERS[name](inputs, outputs, metadata or {})
        except WeightsError as error:
            raise WeightsError(f"not a network of the family {name}: {error} ({seen}).") from None
    for candidate in DECODERS.values():
        try:
            return candidate(inputs, outputs, metadata or {})
        except WeightsError:
            continue
    raise WeightsError(f"a network of no known family (knows: {', '.join(DECODERS)}), with {seen}.")
