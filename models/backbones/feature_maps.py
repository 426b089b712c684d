"""Feature maps of the frozen CNN on crops: for single-object tracking, masks and re-identification."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from models.backbones.export import open_network
from models.backbones.registry import Weights, get_entry
from models.runtime.arrays import Float32, UInt8

BACKBONE = "efficientnet_lite0"


def standardise(bgr: UInt8, weights: Weights) -> Float32:
    """(H, W, 3) uint8 BGR -> (1, 3, H, W) float32 RGB, normalised as in the network's training."""
    mean, std = weights.mean, weights.std
    blob: Float32 = np.asarray(cv2.dnn.blobFromImage(bgr, 1 / std[0], mean=mean, swapRB=True), np.float32)
    for channel in (1, 2):
        if std[channel] != std[0]:
            blob[:, channel] *= std[0] / std[channel]
    return blob


class FrozenMaps:
    """Maps of EfficientNet-Lite0 at several strides, from one pass.

    Args:
        strides: strides of the maps.
        threads: CPU threads; 0 takes all cores that the process may use.
        device: device of the network.
        weights: a file in place of the published ones, or `random` (for tests).

    Raises:
        ConfigError: torch is needed for the one export and is not installed.
        WeightsError: the weights cannot be fetched or read.

    Attributes:
        channels: channels of all strides together.
    """

    def __init__(
        self, strides: tuple[int, ...], threads: int = 0, device: str = "auto", weights: str | None = None
    ) -> None:
        entry = get_entry(BACKBONE)
        self._weights = entry.weights
        self._network = open_network(BACKBONE, strides, weights, threads, device)
        self.channels = sum(entry.channels[stride] for stride in strides)

    def __call__(self, pictures: Sequence[UInt8]) -> tuple[Float32, ...]:
        """B images (H, W, 3) of one size -> (B, C, H / stride, W / stride) float32 for each stride."""
        image = np.concatenate([standardise(picture, self._weights) for picture in pictures])
        return tuple(np.asarray(m, np.float32) for m in self._network.run({"image": image}))
