"""The interface of every frozen CNN in torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self

from torch import Tensor, nn


class Frozen(nn.Module):
    """A module that ignores `train()` and stays in evaluation mode, so that running statistics do not change."""

    def train(self, mode: bool = True) -> Self:
        return super().train(False)


class Trunk(Frozen):
    """A frozen part of a network."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.part(x)
        return features


class Taps(Frozen):
    """Several maps of a frozen network from one pass.

    Args:
        parts: the network's parts, in order.
        ends: the number of parts after the first at which each map is taken, rising.
    """

    def __init__(self, parts: Sequence[nn.Module], ends: Sequence[int]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.ends = tuple(ends)
        self.eval()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) -> one map for each of `ends`."""
        maps = []
        for at, part in enumerate(self.parts):
            x = part(x)
            if at in self.ends:
                maps.append(x)
        return tuple(maps)


class Backbone(Frozen, ABC):
    """An ImageNet classifier that also gives its feature maps. Images are RGB, normalised as in its registry entry.

    Frozen; `load.load_backbone` disables the gradients too.
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1000) class scores before the softmax."""

    @abstractmethod
    def trunk(self, stride: int) -> Trunk:
        """The part of the network that maps (B, 3, H, W) to (B, C, H / stride, W / stride), sharing the weights."""

    @abstractmethod
    def taps(self, strides: Sequence[int]) -> Frozen:
        """The part of the network that maps (B, 3, H, W) to a tuple of the maps of rising `strides`, in one pass."""

    @abstractmethod
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Loads the published file's tensors; raises RuntimeError where they do not fit."""
