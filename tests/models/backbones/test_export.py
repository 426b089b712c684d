"""Export: ONNX Runtime gives torch's numbers, once made it is found again by all that its content depends on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.backbones import export
from models.backbones.export import TOLERANCE, export_network, network_path, open_network
from models.backbones.registry import BACKBONES
from models.errors import ConfigError, WeightsError
from models.runtime.cache import atomic, cache_folder, sha256
from models.runtime.session import Session

SMALL, STRIDE, RANDOM = "mobilenet_v3_small", 8, "random"
ROOT = Path(__file__).parents[3]
# Every network at its default stride; the most used one whole, and the scores of one per family.
TAPS = [(name, 8) for name in BACKBONES] + [("efficientnet_lite0", 16), ("efficientnet_lite0", 32)]
SCORES = [(name, None) for name in ("efficientnet_lite0", "resnet18", SMALL)]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def picture(count: int, height: int, width: int) -> Any:
    return np.random.default_rng(5).standard_normal((count, 3, height, width), dtype=np.float32)


def small() -> Session:
    return open_network(SMALL, STRIDE, RANDOM, threads=1, device="cpu")


@pytest.mark.parametrize(("name", "strides"), [("efficientnet_lite0", (4, 8, 16, 32)), (SMALL, (8, 32))])
def test_one_pass_gives_the_maps_of_several_strides(name: str, strides: tuple[int, ...], networks: Path) -> None:
    pytest.importorskip("torch", reason="exporting needs the extra `torch`")
    image = picture(1, 96, 160)
    maps = open_network(name, strides, RANDOM, threads=1, device="cpu").run({"image": image})
    assert [96 // m.shape[2] for m in maps] == list(strides)
    for stride, found in zip(strides, maps, strict=True):
        if stride > 4:
            (wanted,) = open_network(name, stride, RANDOM, threads=1, device="cpu").run({"image": image})
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize(("name", "stride"), [*TAPS, *SCORES])
def test_onnx_runtime_equals_torch(name: str, stride: int | None, networks: Path) -> None:
    torch = pytest.importorskip("torch", reason="exporting needs the extra `torch`")
    from models.backbones.load import load_backbone

    session = open_network(name, stride, RANDOM, threads=1, device="cpu")
    assert session.path.is_relative_to(networks)
    network = load_backbone(name, RANDOM)
    module = network if stride is None else network.trunk(stride)
    for shape in ((1, 96, 160), (3, 64, 32)):  # any batch, height and width
        image = picture(*shape)
        with torch.inference_mode():
            wanted = module(torch.from_numpy(image)).numpy()
        (found,) = session.run({"image": image})
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_cached_export_is_reused_without_torch(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="exporting needs the extra `torch`")
    small()
    (made,) = (own / "networks").iterdir()
    stamp = made.stat().st_mtime_ns
    code = (
        "import sys; from models.backbones.export import open_network\n"
        f"open_network({SMALL!r}, {STRIDE}, {RANDOM!r}, 1, 'cpu')\n"
        "assert not {'torch', 'torchvision', 'onnx'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=ROOT)
    assert made.stat().st_mtime_ns == stamp


def test_cache_name_depends_on_every_input_of_the_export(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, same, other = (tmp_path / name for name in ("one.pth", "same.pth", "other.pth"))
    one.write_bytes(b"weights")
    same.write_bytes(b"weights")
    other.write_bytes(b"others")
    path = network_path(SMALL, STRIDE, str(one))
    assert path == network_path(SMALL, STRIDE, str(same))
    assert path.parent == own / "networks"
    different = [
        network_path(SMALL, STRIDE, str(other)),
        network_path(SMALL, STRIDE, RANDOM),
        network_path(SMALL, STRIDE),
        network_path(SMALL, 16, str(one)),
        network_path(SMALL, None, str(one)),
        network_path("resnet18", STRIDE, str(one)),
    ]
    one.write_bytes(b"weights, trained on")
    different.append(network_path(SMALL, STRIDE, str(one)))
    for name in ("VERSION", "OPSET"):
        with monkeypatch.context() as patch:
            patch.setattr(export, name, getattr(export, name) + 1)
            different.append(network_path(SMALL, STRIDE, str(same)))
    assert len({path, *different}) == len(different) + 1


@pytest.mark.parametrize("damage", [b"", b"no network", None], ids=["empty", "text", "cut"])
def test_damaged_export_is_regenerated(damage: bytes | None, networks: Path) -> None:
    pytest.importorskip("torch", reason="exporting needs the extra `torch`")
    before = small()
    whole = before.path.read_bytes()
    before.path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    image = picture(1, 64, 64)
    np.testing.assert_array_equal(small().run({"image": image})[0], before.run({"image": image})[0])


def test_failed_export_leaves_no_file(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="exporting needs the extra `torch`")
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(WeightsError, match=f"the export of {SMALL} differs from torch's numbers by .*; please report"):
        small()
    assert list((own / "networks").iterdir()) == []
    assert TOLERANCE == 1e-4


@pytest.mark.parametrize(
    ("name", "stride", "weights", "error", "said"),
    [
        ("vgg", 8, RANDOM, ConfigError, "there is no frozen CNN 'vgg'; it is one of efficientnet_lite0"),
        (SMALL, 4, RANDOM, ConfigError, f"{SMALL} has no feature map of stride 4; choose 8, 16, 32"),
        (SMALL, 8, "none.pth", WeightsError, r"none\.pth: there is no such weights file"),
        (SMALL, 8, ".", WeightsError, "there is no such weights file"),
    ],
)
def test_unsupported_exports_are_refused(
    name: str, stride: int, weights: str, error: type[Exception], said: str, own: Path
) -> None:
    with pytest.raises(error, match=said):
        open_network(name, stride, weights)
    assert not own.exists()


@pytest.mark.parametrize("package", ["torch", "onnx"])
def test_export_without_torch_names_the_extra(package: str, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"{SMALL} must be exported once, which needs {package}; pip install"):
        small()


def test_unwritable_cache_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        ConfigError, match=r"cannot be written to .*; make room, or set LIQUIDTRACK_CACHE to a folder of yours\."
    ):
        export_network(network_path(SMALL, STRIDE, RANDOM), SMALL, STRIDE, RANDOM)


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIQUIDTRACK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    if sys.platform.startswith("linux"):
        assert cache_folder() == Path("/somewhere/liquidtrack")
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert cache_folder() == Path.home() / ".cache/liquidtrack"
    monkeypatch.setenv("LIQUIDTRACK_CACHE", "/mine")
    assert cache_folder() == Path("/mine")


def test_file_is_replaced_atomically(tmp_path: Path) -> None:
    path = tmp_path / "deep/net.onnx"
    with atomic(path) as part:
        part.write_bytes(b"first")
        assert not path.exists()
    assert path.read_bytes() == b"first"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()

    def interrupted() -> None:
        with atomic(path) as part:
            part.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]
    assert sha256(path) == "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
