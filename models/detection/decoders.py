"""Decoders of detector networks by family: preparation of the image, raw outputs to boxes. Arrays only, no files.

YOLOX: Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv:2107.08430. DETR style: networks that take
`orig_target_sizes` and return labels, boxes and scores (RT-DETR, D-FINE; DEIM: arXiv:2412.04234).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detection.calibration import apply, undo
from models.detection.inputs import (
    DecodedBoxes,
    Decoder,
    InputTransform,
    blob,
    check_cells,
    check_sizes,
    corners,
    free_size,
    grid,
    input_size,
    integers,
    letterbox,
    picture_port,
    score_lines,
    table_shape,
)
from models.detection.nanodet import NanoDetDecoder
from models.errors import WeightsError
from models.runtime.arrays import Array
from models.runtime.session import Port

LITE_SIZE = 512  # pixels, default long side of the input of the package's own detector
_DETR = ("boxes", "scores", "labels")


class YoloXDecoder:
    """BGR 0..255, top left on 114; output (1, A, 5 + C): centre and log size in strides, objectness, classes.

    Exports that include the decoding (YOLOX's --decode_in_inference), with centre and size in pixels, are read too.
    """

    nms = 0.5

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
        picture = picture_port(inputs)
        self._name, self._size = picture.name, input_size(picture, metadata, 640)
        self._cells, self._strides = grid(self._size)
        anchors, channels = table_shape(outputs)
        if channels is None or channels < 6 or (anchors is not None and anchors != len(self._strides)):
            raise WeightsError(f"its output {outputs[0]} is not YOLOX's [1, {len(self._strides)}, 5 + classes]")
        self.classes: int | None = channels - 5

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        canvas, fit = letterbox(bgr, self._size, 114, centred=False)
        return {self._name: blob(canvas)}, fit

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        raw = outputs[0][0]
        check_cells(len(raw), len(self._cells))
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
        xyxy = corners(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
        return fit.to_image(xyxy), joint, label.astype(np.int64)


class YoloV8Decoder:
    """RGB 0..1, centred on 114; output (1, 4 + C, A): centre and size in input pixels, classes.

    Exports that include the suppression, (1, N, 6) of corners, score, class, are read too. Further columns of
    segmentation and pose networks (mask coefficients, key points) are ignored; rotated boxes are rejected.
    """

    nms = 0.6

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
        picture = picture_port(inputs)
        self._name, self._size = picture.name, input_size(picture, metadata, 640)
        first, second = table_shape(outputs)
        if metadata.get("task") == "obb":
            raise WeightsError("it answers with turned boxes, which no track has")
        masks = outputs[1].shape[1] if len(outputs) > 1 and len(outputs[1].shape) == 4 else 0
        extra = math.prod(integers(metadata.get("kpt_shape", "0"))) + (masks or 0)
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
        return {self._name: blob(canvas, 1 / 255, rgb=True)}, fit

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
        return fit.to_image(corners(*box)), best, label.astype(np.int64)


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
        picture = picture_port(inputs)
        self._image, self._sizes, self._size = picture.name, sizes[0], input_size(picture, metadata, 640)
        self._order = [names.index(name) for name in _DETR]
        self.classes: int | None = None

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        height, width = bgr.shape[:2]
        image = blob(cv2.resize(bgr, self._size, interpolation=cv2.INTER_LINEAR), 1 / 255, rgb=True)
        fit = InputTransform((self._size[0] / width, self._size[1] / height), (0.0, 0.0), (width, height))
        return {self._image: image, self._sizes: np.array([[width, height]], np.int64)}, fit

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        boxes, scores, labels = (outputs[i][0] for i in self._order)
        keep = scores >= score
        return boxes[keep].astype(np.float32), scores[keep].astype(np.float32), labels[keep].astype(np.int64)


class LiteDecoder:
    """RGB, (x - 127) / 128, top left on 127, sides rounded up to 32; scores (1, A, C), distances (1, A, 4).

    liquidtrack's own detector (`lite_head.py`): distances to the sides in strides, from the centre of each cell;
    further outputs are the backbone's maps of strides 8, 16, 32. It takes images of any size; their long side is
    `size`.
    """

    nms = 0.5

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
        picture = picture_port(inputs)
        names = [port.name for port in outputs if len(port.shape) == 3]
        if not {"scores", "distances"} <= set(names):
            raise WeightsError("a lite network has the outputs scores [1, cells, classes] and distances [1, cells, 4]")
        names = [port.name for port in outputs]
        self._order = names.index("scores"), names.index("distances")
        self.classes: int | None = outputs[self._order[0]].shape[2]
        self._name, self._fixed = picture.name, picture.shape[2:]
        self.size = max(input_size(picture, metadata, LITE_SIZE))
        self._lines = score_lines(metadata.get("calibration"), self.classes)
        self._shape = self._fixed[1] or self.size, self._fixed[0] or self.size  # of the largest input

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        wide, high = (have or want for have, want in zip(self._fixed[::-1], free_size(bgr, self.size), strict=True))
        canvas, fit = letterbox(bgr, (wide, high), 127, centred=False)
        return {self._name: np.asarray(cv2.dnn.blobFromImage(canvas, 1 / 128, mean=(127.0,) * 3, swapRB=True))}, fit

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        scores, distances = (outputs[k][0] for k in self._order)
        cells, strides = grid(fit.input or self._shape)
        check_cells(len(scores), len(cells))
        rows = np.flatnonzero((scores >= undo(score, self._lines).astype(np.float32)).any(axis=1))
        scores = apply(scores[rows], self._lines)
        label = scores.argmax(axis=1)
        sure = scores[np.arange(len(rows)), label]
        reach = distances[rows].astype(np.float32, copy=False) * strides[rows, None]
        middle = (cells[rows] + 0.5) * strides[rows, None]
        xyxy = np.concatenate([middle - reach[:, :2], middle + reach[:, 2:]], axis=1).astype(np.float32)
        return fit.to_image(xyxy), sure, label.astype(np.int64)


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
    check_sizes(inputs, metadata or {})
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
