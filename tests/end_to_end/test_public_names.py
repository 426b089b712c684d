"""The public names of the packages: loaded lazily, listed, typed, with examples that run."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from models.lazy_exports import lazy_exports
from tests.support.moving_box_clip import write_clip

FACES = (
    "models", "models.liquid", "tracker", "tracker.reid", "datasets", "datasets.formats", "datasets.projects",
    "datasets.scenes", "tools",
)  # fmt: skip
EXAMPLES = (
    "datasets.formats.registry",
    "models.lazy_exports",
    "models.runtime.compute",
    "tracker.pipeline.build",
    "tracker.detectors.registry",
    "tracker.pipeline.loop",
    "tracker.pipeline.config",
    "tracker.reid.tracker",
    "tracker.single_object.box_prompt",
    "tracker.types",
)


def typed_names(face: str) -> dict[str, str]:
    """The names that type checkers see in a package, with their modules."""
    source = Path(importlib.import_module(face).__file__ or "").read_text(encoding="utf-8")
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module not in ("__future__", "typing", "models.lazy_exports"):
            for alias in node.names:
                assert alias.asname == alias.name
                found[alias.name] = str(node.module)
    return found


@pytest.mark.parametrize("face", FACES)
def test_every_public_name_loads_and_is_typed(face: str) -> None:
    if face == "models.liquid":
        pytest.importorskip("torch", reason="the cells need the extra `torch`")
    package = importlib.import_module(face)
    homes = {name: module for module, names in package._PLACES.items() for name in names}
    assert homes == typed_names(face)
    assert package.__all__ == sorted(homes)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is getattr(importlib.import_module(homes[name]), name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        package.nothing  # noqa: B018


def test_missing_attribute_names_its_package() -> None:
    get, listed, names = lazy_exports("models", {"models.errors": ("DataError",)})
    assert names == ["DataError"]
    assert "__doc__" in listed()
    with pytest.raises(AttributeError, match="module 'models' has no attribute 'DataEror'"):
        get("DataEror")


def test_public_packages_import_lazily_and_list_their_names() -> None:
    code = (
        "import datasets, models, sys, tools, tracker\n"
        "assert 'Tracker' in dir(tracker) and 'open_source' in dir(datasets) and 'VideoSink' in dir(tools)\n"
        "from tracker import Tracker, TrackerConfig, LiquidTrackError, Compute\n"
        "print(*sorted({'torch', 'onnxruntime', 'tyro', 'pandas', 'supervision'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("package", ["models", "tracker", "datasets", "tools"])
def test_packages_ship_py_typed(package: str) -> None:
    assert Path(importlib.import_module(package).__file__ or "").with_name("py.typed").exists()


@pytest.mark.parametrize("module", EXAMPLES)
def test_docstring_examples_run(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "street.mp4")
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert tried >= 1
    assert not failed
