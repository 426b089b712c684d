"""torchvision's classifiers as frozen CNNs.

MobileNetV3: Howard et al., arXiv:1905.02244. ResNet: He et al., arXiv:1512.03385. Definitions and weights: torchvision
(BSD-3-Clause).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from models.backbones.network import Backbone, Frozen, Trunk
from models.extras import needs


class TorchvisionBackbone(Backbone):
    """A classifier from torchvision.

    Args:
        name: as in `torchvision.models.list_models()`.
        nodes: the layer that gives the feature map of each stride.
    """

    def __init__(self, name: str, nodes: Mapping[int, str]) -> None:
        try:
            from torchvision import models
        except ImportError as error:
            raise needs(name, error) from error
        super().__init__()
        self.network: nn.Module = models.get_model(name, weights=None)
        self._nodes = dict(nodes)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.network(x)
        return scores

    def trunk(self, stride: int) -> Trunk:
        from torchvision.models.feature_extraction import create_feature_extractor

        return Trunk(_Single(create_feature_extractor(self.network.eval(), {self._nodes[stride]: "map"})))

    def taps(self, strides: Sequence[int]) -> Frozen:
        from torchvision.models.feature_extraction import create_feature_extractor

        nodes = {self._nodes[stride]: f"s{stride}" for stride in strides}
        return _Several(create_feature_extractor(self.network.eval(), nodes), [f"s{stride}" for stride in strides])

    def load(self, state: Mapping[str, Tensor]) -> None:
        self.network.load_state_dict(dict(state))


class _Single(nn.Module):
    """The single map of a feature extractor, without its dict."""

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.extractor(x)["map"]
        return features


class _Several(Frozen):
    """The maps of a feature extractor in order, without its dict."""

    def __init__(self, extractor: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.extractor = extractor
        self.names = tuple(names)
        self.eval()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = self.extractor(x)
        return tuple(maps[name] for name in self.names)
