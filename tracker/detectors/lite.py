"""The detector lite0: one pass of the frozen EfficientNet-Lite0 gives detections and their embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import models
from models.backbones.roi_align import pool_strips
from models.detection.inputs import InputTransform
from tracker.detectors.config import DetectorConfig
from tracker.detectors.onnx_file import Inferred, OnnxDetector, long_side
from tracker.types import Detections, Float32, Frame, UInt8

NETWORK = Path(models.__file__).parent / "weights" / "detector.onnx"
STRIDE = 8  # stride of the feature map that separates people best (tracker/appearance/embedder.py)


class LiteDetector:
    """The package's own detector of people, vehicles and animals, 16 classes; nothing is downloaded.

    Args:
        size: long side of the network's input, pixels, or "" for the size that it was trained for.
        config: all other settings.
        embeddings: whether detections carry embeddings, pooled from the backbone's map of the same pass.

    Raises:
        ConfigError: a size that is no number, or unknown classes.
        WeightsError: the package's network is missing or damaged.
    """

    def __init__(self, size: str, config: DetectorConfig, embeddings: bool = False) -> None:
        self._network = OnnxDetector(NETWORK, replace(config, family="lite"), long_side("lite0", size, config))
        self.names = self._network.names
        self._embeddings = embeddings

    def __call__(self, frame: Frame | UInt8) -> Detections:
        frame = Frame.of(frame)
        return self._embedded(frame, self._network.infer(frame))

    @property
    def best_batch(self) -> int:
        """Frames of one pass: a CPU's cores are busy with one."""
        return self._network.best_batch

    def batch(self, frames: Sequence[Frame]) -> list[Detections]:
        """The detections of each frame, in one pass for the frames of one size."""
        inferred = self._network.infer_batch(frames)
        return [self._embedded(frame, one) for frame, one in zip(frames, inferred, strict=True)]

    def _embedded(self, frame: Frame, inferred: Inferred) -> Detections:
        found, fit, maps = inferred
        return found.with_embedding(pooled(found, frame, fit, maps)) if self._embeddings else found


def pooled(found: Detections, frame: Frame, fit: InputTransform, maps: Mapping[str, NDArray[Any]]) -> Float32:
    """(N, 160) embeddings of detections in `frame`, from the maps that the network gave for it through `fit`."""
    features = maps[f"stride{STRIDE}"][0]
    # The mean that is subtracted covers only the part of the map that shows the image, not the padding.
    height, width = (max(1, round(side * fit.scale[0] / STRIDE)) for side in frame.size[::-1])
    features = features - features[:, :height, :width].mean(axis=(1, 2), keepdims=True)
    return pool_strips(features, found.xyxy, (fit.scale[0] / STRIDE, fit.scale[1] / STRIDE))
