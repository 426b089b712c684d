"""The default detector: both networks of the package on each frame, COCO's 80 classes, embeddings from lite0's pass."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from models.runtime.compute import usable_cores
from tracker.detectors.class_names import network_names
from tracker.detectors.config import DetectorConfig, FamilyName
from tracker.detectors.fusion import MIN_SCORE, FusedBoxes, fuse_boxes, fused_scores
from tracker.detectors.lite import pooled
from tracker.detectors.onnx_file import Inferred, OnnxDetector
from tracker.detectors.postprocess import Select
from tracker.types import Bool, Detections, Frame, UInt8

# Long sides of the inputs, pixels: together at most 1.2 times the CPU time of lite0 at 544 pixels. Pairs of equal time
# are level on images outside the validation sets (docs/lab/2026-11-fused.md); lite0 has the larger image, for the
# embeddings.
LITE0_PX, NANODET_PX = 448, 384
SCORE = 0.1  # default threshold, as of all networks
NMS = 0.5


def inner_config(config: DetectorConfig, kind: FamilyName, nms: float | None = None) -> DetectorConfig:
    """The settings of one of the two networks: weak boxes too, since the other may confirm them.

    Args:
        config: the settings of the fused detector.
        kind: family of the network.
        nms: largest IoU where the settings have none; None leaves it to the family.
    """
    score = min(MIN_SCORE, SCORE if config.score is None else config.score)
    nms = nms if config.nms is None else config.nms
    return replace(config, family=kind, names=None, classes=(), score=score, nms=nms)


def nanodet_side(lite0_px: int) -> int:
    """Long side of the input of nanodet beside one of `lite0_px` of lite0, pixels."""
    return max(1, round(lite0_px * NANODET_PX / LITE0_PX))


class FusedDetector:
    """The detections of two networks, fused (`tracker/detectors/fusion.py`).

    On two cores or more the networks run at the same time.

    Args:
        lite0: the detector of 16 classes; its maps give the embeddings.
        nanodet: the detector of COCO's classes, those of `lite0` among them.
        config: class filter, score threshold, IoU and class names.
        embeddings: whether detections carry embeddings.

    Raises:
        ConfigError: unknown classes, or names that do not fit.
    """

    def __init__(
        self, lite0: OnnxDetector, nanodet: OnnxDetector, config: DetectorConfig, embeddings: bool = False
    ) -> None:
        self.names = network_names(len(nanodet.names), {}, config.names, "detector fused")
        self._networks = lite0, nanodet
        self._label = np.array([nanodet.names.index(name) for name in lite0.names], np.int64)
        self._shared = np.isin(np.arange(len(nanodet.names)), self._label)
        self._select = Select(self.names, config, score=SCORE, nms=NMS)
        self._embeddings = embeddings
        self._beside = ThreadPoolExecutor(1, "liquidtrack-fused") if usable_cores() > 1 else None

    def __call__(self, frame: Frame | UInt8) -> Detections:
        return self.batch([Frame.of(frame)])[0]

    @property
    def best_batch(self) -> int:
        """Frames of one pass: a CPU's cores are busy with one."""
        return min(network.best_batch for network in self._networks)

    def batch(self, frames: Sequence[Frame]) -> list[Detections]:
        """The detections of each frame, in one pass of each network for the frames of one size."""
        return [self._selected(*parts) for parts in zip(frames, *self._looked(frames), strict=True)]

    def boxes(self, frame: Frame) -> FusedBoxes:
        """The fused boxes with the scores of each network, before they are scored and selected."""
        (first,), (second,) = self._looked([frame])
        return self._fuse(first, second)

    @property
    def shared(self) -> Bool:
        """(C,) the classes that both networks know."""
        return self._shared

    def _looked(self, frames: Sequence[Frame]) -> tuple[list[Inferred], list[Detections]]:
        lite0, nanodet = self._networks
        if self._beside is None:
            return lite0.infer_batch(frames), nanodet.batch(frames)
        second = self._beside.submit(nanodet.batch, frames)
        return lite0.infer_batch(frames), second.result()

    def _fuse(self, first: Inferred, second: Detections) -> FusedBoxes:
        return fuse_boxes(replace(first[0], label=self._label[first[0].label]), second)

    def _selected(self, frame: Frame, first: Inferred, second: Detections) -> Detections:
        boxes = self._fuse(first, second)
        score = fused_scores(boxes, frame.size, self._shared)
        found = self._select(boxes.xyxy, score, boxes.label, frame.size)
        return found.with_embedding(pooled(found, frame, *first[1:])) if self._embeddings else found
