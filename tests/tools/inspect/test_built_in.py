"""`liquidtrack models`: what is in the package, and what is in the cache."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models.runtime.cache import sha256
from models.runtime.session import Session
from tools.cli.main import main
from tools.inspect.built_in import PACKAGED, WEIGHTS, packaged
from tracker.detectors.class_names import names_from_metadata


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_every_weights_file_of_the_package_is_listed_and_has_its_licence_on_its_card() -> None:
    files = {path.name for path in WEIGHTS.iterdir() if path.suffix in (".onnx", ".safetensors")}
    assert set(PACKAGED) == files
    for model in packaged():
        card = Path(model.path).with_name(f"{Path(model.path).name}.md").read_text(encoding="utf-8")
        assert f"`{model.sha256}`" in card
        assert f"{model.bytes:,} bytes" in card
        licences = model.licence.partition(";")[0].split(", ")
        notice = (WEIGHTS.parents[1] / "NOTICE").read_text(encoding="utf-8")
        assert all(name in card or name in notice for name in licences)


def test_networks_of_a_detector_are_listed_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    used = {model["name"]: model["detectors"] for model in json.loads(capsys.readouterr().out)}
    assert (used["lite0"], used["nanodet"], used["u2netp"]) == (["lite0", "fused"], ["nanodet", "fused"], [])
    assert main(["models"]) == 0
    assert "fused, the default: runs lite0 and nanodet on each frame" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("file", ["detector.onnx", "nanodet.onnx"])
def test_listed_number_of_classes_is_the_network_s(file: str) -> None:
    names = names_from_metadata(Session(WEIGHTS / file, threads=1, device="cpu").metadata)
    assert names is not None
    assert PACKAGED[file][2] == len(names)


def test_cached_networks_are_listed_with_checksum_and_classes(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("downloads", "networks"):
        (cache / folder).mkdir(parents=True)
    shutil.copy(WEIGHTS / "nanodet.onnx", cache / "downloads/0123-mine.onnx")
    (cache / "downloads/0456-broken.onnx").write_bytes(b"no network")
    shutil.copy(WEIGHTS / "lite0-stride8.onnx", cache / "networks/resnet18-s8.onnx")
    assert main(["models", "--json"]) == 0
    found = {Path(model["path"]).name: model for model in json.loads(capsys.readouterr().out) if not model["built_in"]}
    assert {name: (m["task"], m["classes"]) for name, m in found.items()} == {
        "0123-mine.onnx": ("detection", 80),
        "0456-broken.onnx": ("detection", None),
        "resnet18-s8.onnx": ("features", None),
    }
    for name, model in found.items():
        assert model["sha256"] == sha256(Path(model["path"])), name
        assert model["licence"] == "not known"
    assert main(["models"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert sum(" package" in line for line in table) == len(PACKAGED)
    assert any("0123-mine.onnx" in line and " 80 " in line for line in table)
    assert table[-1] == f"cache: {cache}"


def test_absent_cache_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    assert all(model["built_in"] for model in json.loads(capsys.readouterr().out))
