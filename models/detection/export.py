"""Backbone and detection head as one ONNX file with float16 weights, and the head's own weights as safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from models.backbones.efficientnet_lite import EfficientNetLite0
from models.backbones.export import TOLERANCE, check, store_halves, write_network
from models.backbones.load import load_backbone
from models.detection.lite_head import DetectionHead, LiteNetwork, LiteTaps
from models.runtime.cache import atomic

OUTPUTS = ("distances", "scores", "stride8", "stride16", "stride32")
SHAPE = (1, 3, 96, 160)  # shape of the example image for the export
FAMILY = "lite"  # family name in the file's metadata, for models.detection.decoders
HALVES_TOLERANCE = 0.1  # share of the largest output, on noise: rounding changed trained heads by 0.9 to 1.8 %


def load_taps(weights: str | None = None) -> LiteTaps:
    """The frozen backbone; `weights` as in `load_backbone`."""
    backbone = load_backbone("efficientnet_lite0", weights)
    assert isinstance(backbone, EfficientNetLite0)
    return LiteTaps(backbone)


class _Inner(nn.Module):
    """Only the maps that the head uses, for its training."""

    def __init__(self, taps: LiteTaps) -> None:
        super().__init__()
        self.taps = taps

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.taps(x)[0])


def export_taps(path: Path, taps: LiteTaps) -> None:
    """Exports the frozen backbone alone: images in, the three maps for the head out."""
    with atomic(path) as part:
        write_network(part, _Inner(taps).eval(), SHAPE, ("tap8", "tap16", "tap32"), {})


def export_detector(
    path: Path, taps: LiteTaps, head: DetectionHead, names: Sequence[str], card: Mapping[str, str] | None = None
) -> None:
    """Writes the whole detector, after its outputs were compared with torch's before and after rounding the weights.

    Args:
        path: the file.
        taps: the frozen backbone.
        head: the trained head.
        names: its classes.
        card: further metadata of the file.

    Raises:
        WeightsError: the exported network differs from torch's.
    """
    import onnx

    whole = LiteNetwork(taps, head).eval()
    with atomic(path) as part:
        write_network(part, whole, SHAPE, OUTPUTS, {name: {0: "batch", 1: "cells"} for name in OUTPUTS[:2]})
        # another size than in the export
        picture = np.random.default_rng(1).standard_normal((1, 3, 128, 96), dtype=np.float32)
        check(part, whole, "the detector", picture, TOLERANCE)
        model = onnx.load(str(part))
        store_halves(model)
        about = {"family": FAMILY, "names": json.dumps(list(names)), **(card or {})}
        onnx.helper.set_model_props(model, about)
        onnx.save(model, str(part))
        check(part, whole, "the detector in half precision", picture, HALVES_TOLERANCE)


def describe(path: Path, more: Mapping[str, str]) -> None:
    """Adds to a file's metadata."""
    import onnx

    model = onnx.load(str(path))
    about = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, about | dict(more))
    with atomic(path) as part:
        onnx.save(model, str(part))


def config_of(head: DetectionHead) -> str:
    """The head's sizes as text."""
    return json.dumps(asdict(head.config))
