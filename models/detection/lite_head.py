"""A light detector on the frozen EfficientNet-Lite0: path aggregation over strides 8, 16, 32, and an anchor-free head.

Its inputs are the expansions inside the backbone's blocks (240, 672 and 1152 channels after ReLU6): they are computed
anyway, and carry more information than the narrow maps between the blocks (40, 112, 192 channels).

Path aggregation: Liu et al., "Path Aggregation Network", arXiv:1803.01534. Head: one prediction a cell; the distance to
a side is a distribution over whole strides (Li et al., "Generalized Focal Loss", arXiv:2006.04388, eq. 3-4). The three
strides share filters but not normalisation (Lyu et al., "RTMDet", arXiv:2212.07784, section 3.3).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.backbones.efficientnet_lite import EfficientNetLite0
from models.backbones.network import Frozen
from models.detection.config import DetectionHeadConfig

STRIDES = (8, 16, 32)
TAPPED = (240, 672, 1152)  # channels at these strides
TAPPED_STAGES = (3, 5, 6)  # stages with a tapped first expansion: those after strides 8 and 16 end, and the last
MAPPED_STAGES = (2, 4, 6)  # stages that output the backbone's map of strides 8, 16 and 32
PRIOR = 0.01  # score of a cell before training: objects are rare (Lin et al., arXiv:1708.02002, section 4.1)


class LiteTaps(Frozen):
    """The frozen backbone up to stride 32: (B, 3, H, W) -> three inner maps for detection, three maps for pooling."""

    def __init__(self, backbone: EfficientNetLite0) -> None:
        super().__init__()
        self.stem, self.stages = backbone.stem, backbone.stages
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """([(B, 240, H/8, W/8), (B, 672, H/16, W/16), (B, 1152, H/32, W/32)], the backbone's maps of 40, 112, 320)."""
        x = self.stem(x)
        taps, maps = [], []
        for number, stage in enumerate(self.stages):
            for k, block in enumerate(cast(Iterable[Any], stage)):
                wide = block.expand(x)
                y = block.project(block.depthwise(wide))
                x = x + y if block.shortcut else y
                if k == 0 and number in TAPPED_STAGES:
                    taps.append(wide)
            if number in MAPPED_STAGES:
                maps.append(x)
        return taps, maps


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03),
        nn.ReLU(inplace=True),
    )


def _block(width: int, kernel: int = 5, stride: int = 1) -> nn.Sequential:
    """Depthwise, then pointwise convolution."""
    return nn.Sequential(_conv(width, width, kernel, stride, groups=width), _conv(width, width))


class _Deep(nn.Module):
    """Inverted bottleneck with a shortcut, for small maps, where it is cheap."""

    def __init__(self, width: int, expansion: int = 3, kernel: int = 5) -> None:
        super().__init__()
        wide = width * expansion
        self.inner = nn.Sequential(
            _conv(width, wide),
            _conv(wide, wide, kernel, groups=wide),
            nn.Conv2d(wide, width, 1, bias=False),
            nn.BatchNorm2d(width, eps=1e-3, momentum=0.03),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.inner(x))


class _Shared(nn.Module):
    """Depthwise and pointwise filters shared by all strides, with a separate normalisation for each stride."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)
        self.pointwise = nn.Conv2d(width, width, 1, bias=False)
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.BatchNorm2d(width, eps=1e-3, momentum=0.03) for _ in range(2)) for _ in STRIDES
        )

    def forward(self, x: Tensor, level: int) -> Tensor:
        first, second = cast(nn.ModuleList, self.norms[level])
        x = functional.relu(first(self.depthwise(x)), inplace=True)
        return functional.relu(second(self.pointwise(x)), inplace=True)


def _answer(inputs: int, outputs: int, bias: float) -> nn.Conv2d:
    """The prediction layer of a branch, with a constant output at first."""
    last = nn.Conv2d(inputs, outputs, 1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.constant_(cast(Tensor, last.bias), bias)
    return last


class DetectionHead(nn.Module):
    """From the backbone's inner maps to class logits and distances, cell by cell.

    Args:
        classes: number of classes.
        config: sizes.
    """

    def __init__(self, classes: int, config: DetectionHeadConfig) -> None:
        super().__init__()
        self.classes, self.config = classes, config
        width, depth = config.width, config.depth
        self.lateral = nn.ModuleList(_conv(channels, width) for channels in TAPPED)
        self.deep = nn.ModuleList(_Deep(width) for _ in TAPPED[1:])
        self.down_up = nn.ModuleList(_block(width) for _ in range(2))  # stride 16, then 8
        self.down = nn.ModuleList(_conv(width, width, 5, 2, groups=width) for _ in range(2))  # to 16, then to 32
        self.up_down = nn.ModuleList(_block(width) for _ in range(2))
        self.stem = _Shared(width, 3)
        self.kind = nn.ModuleList(_Shared(width, 3) for _ in range(depth))
        self.place = nn.ModuleList(_Shared(width, 3) for _ in range(depth))
        rare = -math.log((1 - PRIOR) / PRIOR)
        self.score = nn.ModuleList(_answer(width, classes, rare) for _ in STRIDES)
        self.distance = nn.ModuleList(_answer(width, 4 * config.bins, 0.0) for _ in STRIDES)

    def fuse(self, taps: Sequence[Tensor]) -> list[Tensor]:
        """Three maps of `width` channels after path aggregation."""
        fine, middle, coarse = (lateral(tap) for lateral, tap in zip(self.lateral, taps, strict=True))
        middle, coarse = self.deep[0](middle), self.deep[1](coarse)
        middle = self.down_up[0](middle + functional.interpolate(coarse, scale_factor=2.0, mode="nearest"))
        fine = self.down_up[1](fine + functional.interpolate(middle, scale_factor=2.0, mode="nearest"))
        middle = self.up_down[0](middle + self.down[0](fine))
        coarse = self.up_down[1](coarse + self.down[1](middle))
        return [fine, middle, coarse]

    def forward(self, taps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """(B, A, classes) logits and (B, A, 4 * bins) logits of the distances left, top, right, bottom.

        A runs over the cells of stride 8, then 16, then 32, each row by row.
        """
        kinds, places = [], []
        for level, x in enumerate(self.fuse(taps)):
            x = self.stem(x, level)
            kind = place = x
            for of_kind, of_place in zip(self.kind, self.place, strict=True):
                kind, place = of_kind(kind, level), of_place(place, level)
            kinds.append(self.score[level](kind).flatten(2))
            places.append(self.distance[level](place).flatten(2))
        return torch.cat(kinds, 2).transpose(1, 2), torch.cat(places, 2).transpose(1, 2)


class LiteNetwork(nn.Module):
    """Backbone and head as one network, for the export.

    (B, 3, H, W) standardised RGB, H and W multiples of 32 -> distances in strides (B, A, 4), scores (B, A, classes),
    and the backbone's maps of strides 8, 16 and 32 for pooling.
    """

    def __init__(self, taps: LiteTaps, head: DetectionHead) -> None:
        super().__init__()
        self.taps, self.head = taps, head

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        inner, maps = self.taps(x)
        kind, place = self.head(inner)
        return expected(place, self.head.config.bins), torch.sigmoid(kind), maps[0], maps[1], maps[2]


def expected(place: Tensor, bins: int) -> Tensor:
    """(..., 4 * bins) logits -> (..., 4) mean distances in strides."""
    share = place.reshape(*place.shape[:-1], 4, bins).softmax(-1)
    mean: Tensor = (share * torch.arange(bins, dtype=share.dtype, device=share.device)).sum(-1)
    return mean


def cells(height: int, width: int) -> tuple[Tensor, Tensor]:
    """((A, 2) centres x, y in pixels, (A,) strides) of an input of that size, in the order of `DetectionHead`."""
    points, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        points.append((torch.stack([x.flatten(), y.flatten()], 1) + 0.5) * stride)
        strides.append(torch.full((x.numel(),), float(stride)))
    return torch.cat(points), torch.cat(strides)
