"""Settings of `liquidtrack eval recognition`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from models.errors import ConfigError
from tracker.detectors.config import Device


@dataclass(frozen=True, slots=True)
class EvalRecognitionConfig:
    """Score a frozen CNN's classifier on pictures of known classes: top-1 and top-5.

    The folder holds labels.tsv (a header, then index, wnid, name a line) and the pictures, in images.zip, in images/ or
    in itself; a picture's class is its folder's or its own name (n01440764/x.jpg, n01440764.jpg, n01440764_12.jpg).
    Pictures larger than the network's input are cut to their middle, 7/8 of the short side.

    Attributes:
        folder: the folder of labels and pictures.
        backbone: the frozen CNN: efficientnet_lite0, mobilenet_v3_small, mobilenet_v3_large, resnet18, resnet34 or
            resnet50.
        backbone_weights: weights FILE in place of the published ones, or `random` (untrained, for tests).
        every: take only every n-th picture, in the order of their names.
        limit: take at most so many pictures.
        threads: CPU threads of the network; 0 takes a fair share of the cores, as much again is left for reading.
        device: where the network runs; auto takes a CUDA device where ONNX Runtime can use one.
        json: write all figures to this file as well, with every picture that was taken for something else.
        quiet: no progress bar.
    """

    folder: Positional[Path]
    backbone: str = "efficientnet_lite0"
    backbone_weights: str | None = None
    every: int = 1
    limit: int | None = None
    threads: int = 0
    device: Device = "auto"
    json: Path | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"every is {self.every}; give 1 or more.")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"limit is {self.limit}; give 1 or more.")
        if self.threads < 0:
            raise ConfigError(f"threads is {self.threads}; give 0 for a fair share of the cores, or a positive number.")
