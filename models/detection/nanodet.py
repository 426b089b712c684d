"""NanoDet's decoder. NanoDet: RangiLyu/nanodet; its boxes are distributions over distances, Li et al., "Generalized
Focal Loss", arXiv:2006.04388, eq. 3-4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detection.calibration import apply, undo
from models.detection.inputs import (
    STRIDES,
    DecodedBoxes,
    InputTransform,
    check_cells,
    free_size,
    grid,
    input_size,
    letterbox,
    no_boxes,
    picture_port,
    score_lines,
)
from models.errors import WeightsError
from models.runtime.arrays import Array
from models.runtime.session import Port

SIZE = 416  # pixels, NanoDet's own input
_MEAN, _STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # BGR, ImageNet


class NanoDetDecoder:
    """BGR, normalised, centred on 0; per stride cls_pred (1, n, C) and dis_pred (1, n, 4 * bins).

    A network with a free height and width gets images of their own aspect ratio: the long side is `imgsz` of its
    metadata, and sides are rounded up to multiples of 32. Scores are calibrated if the metadata says how.
    """

    nms = 0.6

    def __init__(self, inputs: Sequence[Port], outputs: Sequence[Port], metadata: Mapping[str, str]) -> None:
        picture = picture_port(inputs)
        self._name, self._size = picture.name, input_size(picture, metadata, SIZE)
        names = [port.name for port in outputs]
        wanted = [f"{part}_pred_stride_{stride}" for stride in STRIDES for part in ("cls", "dis")]
        if not set(wanted) <= set(names):
            raise WeightsError(f"a NanoDet network has the outputs {', '.join(wanted)}")
        self._pairs = [
            (names.index(f"cls_pred_stride_{stride}"), names.index(f"dis_pred_stride_{stride}")) for stride in STRIDES
        ]
        self.classes: int | None = outputs[self._pairs[0][0]].shape[-1]
        self._free = picture.shape[2:] == (None, None)
        self._lines = score_lines(metadata.get("calibration"), self.classes)
        self._blob = cv2.dnn.Image2BlobParams()
        self._blob.mean = _MEAN
        self._blob.scalefactor = tuple(1 / std for std in _STD)

    def prepare(self, bgr: NDArray[np.uint8]) -> tuple[dict[str, Array], InputTransform]:
        size = free_size(bgr, max(self._size)) if self._free else self._size
        canvas, fit = letterbox(bgr, size, 0, centred=True)
        return {self._name: np.asarray(cv2.dnn.blobFromImageWithParams(canvas, self._blob))}, fit

    def decode(self, outputs: Sequence[Array], fit: InputTransform, score: float) -> DecodedBoxes:
        cells, strides = grid(fit.input or self._size)
        least = undo(score, self._lines).astype(np.float32)
        found, start = [], 0
        for stride, (cls, dis) in zip(STRIDES, self._pairs, strict=True):
            count = int(np.count_nonzero(strides == stride))
            check_cells(len(outputs[cls][0]), count)
            rows = np.flatnonzero((outputs[cls][0] >= least).any(axis=1))
            if len(rows):
                found.append((rows + start, outputs[cls][0][rows], outputs[dis][0][rows]))
            start += count
        if not found:
            return no_boxes()
        rows, scores, logits = (np.concatenate(part) for part in zip(*found, strict=True))
        bins = logits.reshape(len(rows), 4, -1).astype(np.float32, copy=False)
        weight = np.exp(bins - bins.max(axis=2, keepdims=True))
        distance = (weight * np.arange(bins.shape[2])).sum(axis=2) / weight.sum(axis=2) * strides[rows, None]
        points = (cells[rows] + 0.5) * strides[rows, None] - 0.5
        xyxy = np.concatenate([points - distance[:, :2], points + distance[:, 2:]], axis=1).astype(np.float32)
        scores = apply(scores, self._lines)
        label = scores.argmax(axis=1)
        return fit.to_image(xyxy), scores[np.arange(len(rows)), label], label.astype(np.int64)
