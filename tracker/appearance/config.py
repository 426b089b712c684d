"""Settings of the appearance embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.errors import ConfigError


@dataclass(frozen=True)
class AppearanceConfig:
    """How appearance embeddings are computed: features of a frozen CNN, by which tracks are told apart.

    Attributes:
        appearance: source. detector: the pass of fused or lite0, at no extra cost; the name of a frozen
            CNN: a pass of its own; none: no embeddings; auto: those of the detector, if it has them, and a
            pass of efficientnet_lite0 beside nanodet.
        appearance_size: long side of the image that the CNN works on, pixels. A larger one shows more detail and takes
            longer.
        appearance_stride: stride of the feature map, pixels. Each feature stands for a square of this size in the
            image.
        appearance_mode: map runs the CNN once a frame, crop once a box. map pools the features inside each box; crop is
            slower and serves as a comparison.
        appearance_always: compute embeddings in every frame. Without it, frames are left out in which every box stands
            apart from the others and near its place in the frame before.
        appearance_weights: weights of the CNN, or `random`. A file in place of the published weights; `random` is
            untrained, for tests.
    """

    appearance: str = "auto"
    appearance_size: int = 384
    appearance_stride: Literal[8, 16, 32] = 8
    appearance_mode: Literal["map", "crop"] = "map"
    appearance_always: bool = False
    appearance_weights: str | None = None

    def __post_init__(self) -> None:
        if not 64 <= self.appearance_size <= 4096:
            raise ConfigError(f"appearance_size is {self.appearance_size}; give 64 to 4096 pixels.")
