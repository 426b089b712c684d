"""The detection head: the backbone stays as it is, the maps are its own, and the export gives torch's numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the detection head is defined in torch; it needs the extra `torch`")

from models.backbones.load import load_backbone  # noqa: E402
from models.detection.config import CLASSES, DetectionHeadConfig  # noqa: E402
from models.detection.export import OUTPUTS, export_detector, load_taps  # noqa: E402
from models.detection.inputs import grid  # noqa: E402
from models.detection.lite_head import STRIDES, TAPPED, DetectionHead, LiteNetwork, LiteTaps, cells, expected  # noqa: E402
from models.errors import ConfigError  # noqa: E402
from models.runtime.session import Session  # noqa: E402

SMALL = DetectionHeadConfig(width=16, bins=6)


@pytest.fixture(scope="module")
def taps() -> LiteTaps:
    return load_taps("random")


def test_head_has_few_parameters() -> None:
    head = DetectionHead(len(CLASSES), DetectionHeadConfig())
    assert sum(p.numel() for p in head.parameters()) <= 1_500_000


def test_taps_equal_the_backbone_maps(taps: LiteTaps) -> None:
    backbone = load_backbone("efficientnet_lite0", "random")
    x = torch.randn(1, 3, 64, 96)
    inner, maps = taps(x)
    assert [tuple(t.shape[1:]) for t in inner] == [(c, 64 // s, 96 // s) for c, s in zip(TAPPED, STRIDES, strict=True)]
    for stride, found in zip(STRIDES, maps, strict=True):
        assert torch.equal(found, backbone.trunk(stride)(x))


def test_the_backbone_stays_frozen_while_the_head_learns(taps: LiteTaps) -> None:
    torch.manual_seed(0)
    whole = LiteNetwork(taps, DetectionHead(2, SMALL)).train()
    before = {name: value.clone() for name, value in taps.state_dict().items()}
    learning = [p for p in whole.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(learning, lr=0.1)
    distances, scores, *_ = whole(torch.randn(2, 3, 64, 64))
    (scores.sum() + distances.sum()).backward()
    optimiser.step()
    assert not taps.training
    assert len(learning) == len(list(whole.head.parameters()))
    assert all(torch.equal(before[name], value) for name, value in taps.state_dict().items())
    assert all(p.grad is not None for p in whole.head.parameters())


def test_cell_centres_match_the_decodergrid() -> None:
    points, strides = cells(96, 160)
    numbers, wide = grid((160, 96))
    np.testing.assert_array_equal(points.numpy(), (numbers + 0.5) * wide[:, None])
    np.testing.assert_array_equal(strides.numpy(), wide)


def test_cell_outputs_depend_on_nearby_pixels(taps: LiteTaps) -> None:
    """A change at one place moves the answers of the cells there most: rows and columns are not mixed up."""
    torch.manual_seed(0)
    head = DetectionHead(1, SMALL).eval()
    grey = [torch.rand(1, c, 128 // s, 192 // s) for c, s in zip(TAPPED, STRIDES, strict=True)]
    spot = [tap.clone() for tap in grey]
    spot[0][:, :, 3, 18] += 3  # stride 8, row 3, column 18
    with torch.inference_mode():
        change = (head(spot)[0] - head(grey)[0]).abs()[0, : 16 * 24, 0].reshape(16, 24)
    row, column = divmod(int(change.argmax()), 24)
    assert abs(row - 3) <= 2
    assert abs(column - 18) <= 2


def test_distances_are_means_of_distributions() -> None:
    logits = torch.full((1, 4 * 5), -50.0)
    logits[0, [0, 5 + 4, 10 + 1, 15 + 2]] = 50
    logits[0, 15 + 3] = 50
    assert expected(logits, 5)[0].tolist() == pytest.approx([0, 4, 1, 2.5])


def test_export_equals_torch_at_any_size(taps: LiteTaps, tmp_path: Path) -> None:
    torch.manual_seed(0)
    head = DetectionHead(3, SMALL).eval()
    path = tmp_path / "detector.onnx"
    export_detector(path, taps, head, ("a", "b", "c"), {"data": "none"})
    session = Session(path, threads=1, device="cpu")
    assert [port.name for port in session.outputs] == list(OUTPUTS)
    assert json.loads(session.metadata["names"]) == ["a", "b", "c"]
    assert path.stat().st_size < 8e6  # half precision
    whole = LiteNetwork(taps, head).eval()
    for height, width in ((64, 64), (32, 160)):
        x = np.random.default_rng(2).standard_normal((1, 3, height, width), dtype=np.float32)
        with torch.inference_mode():
            wanted = whole(torch.from_numpy(x))
        for found, part in zip(session.run({"image": x}), wanted, strict=True):
            np.testing.assert_allclose(found, part.numpy(), atol=1e-2 * float(part.abs().max()))


@pytest.mark.parametrize("wrong", [{"width": 4}, {"depth": 0}, {"bins": 1}])
def test_invalid_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        DetectionHeadConfig(**wrong)
