"""Every weights file has a card that names it by its checksum, and a licence that travels with the packages."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from models.errors import WeightsError
from models.runtime.weight_files import read_arrays

ROOT = Path(__file__).parents[2]
WEIGHTS = sorted(p for p in (ROOT / "models/weights").iterdir() if p.suffix in (".onnx", ".safetensors"))
SECTIONS = ["Data", "Terms", "Training", "Metrics", "Limits"]


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.name)
def test_a_weights_file_has_a_card_with_its_checksum(path: Path) -> None:
    card = path.with_name(f"{path.name}.md").read_text(encoding="utf-8")
    assert f"`{hashlib.sha256(path.read_bytes()).hexdigest()}`" in card
    assert f"{path.stat().st_size:,} bytes" in card
    assert re.findall(r"^## (.+)$", card, re.MULTILINE) == SECTIONS


def test_the_index_names_every_card_and_no_other() -> None:
    index = (ROOT / "models/weights/README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\(([^/)]+)\.md\)", index)) == [path.name for path in WEIGHTS]
    assert sorted(p.name for p in (ROOT / "models/weights").glob("*.md")) == sorted(
        ["README.md", *(f"{path.name}.md" for path in WEIGHTS)]
    )


def test_ablation_and_training_weights_are_listed_with_checksums() -> None:
    listed = (ROOT / "tests/weights/README.md").read_text(encoding="utf-8")
    for path in (ROOT / "tests/weights").glob("*.safetensors"):
        assert f"| `{path.name}` | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |" in listed


@pytest.mark.parametrize("path", sorted((ROOT / "tests/weights").glob("*.safetensors")), ids=lambda path: path.name)
def test_unpackaged_weights_are_found_in_a_checkout(path: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="but in tests/weights of a checkout"):
        read_arrays(tmp_path / path.name, "a head", "train one")
    weights, about = read_arrays(path, "a head", "train one")
    assert weights
    assert about["date"]


def test_third_party_weights_ship_with_their_licence_texts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    files = {p.relative_to(ROOT).as_posix() for pattern in project["license-files"] for p in ROOT.glob(pattern)}
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert {"LICENSE", "NOTICE"} < files
    named = set(re.findall(r"licenses/[\w.-]+\.txt", notice))
    assert named == {name for name in files if name.startswith("licenses/")}
    assert all(path.name in notice for path in WEIGHTS if not path.name.startswith("recognition-"))
