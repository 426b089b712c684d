"""A checkout with one result, for tests of the generated pages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs/results"
RESULT = {
    "queries": 296, "mean_ap": 0.7, "rank_1": 0.8, "rank_5": 0.9, "rank_10": 1.0,
}  # fmt: skip


def script(root: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "docs/scripts" / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def make_checkout(tmp_path: Path) -> Path:
    """A checkout with one result: its figures, its record, and its page."""
    (tmp_path / "docs/results").mkdir(parents=True)
    shutil.copytree(ROOT / "docs/scripts", tmp_path / "docs/scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("models", "tests"):
        (tmp_path / folder / "weights").mkdir(parents=True)
        for file in (ROOT / folder / "weights").iterdir():  # the script writes into cards, so they are copies
            place = tmp_path / folder / "weights" / file.name
            shutil.copy(file, place) if file.suffix == ".md" else place.symlink_to(file)
    (tmp_path / "README.md").write_text("# liquidtrack\n")
    commands = '[reid]\ncommand = "eval reid data/reid"\nweights = ["lite0-stride8"]\n'
    (tmp_path / "docs/results/commands.toml").write_text(commands)
    (tmp_path / "docs/results/reid.json").write_text(json.dumps(RESULT))
    digest = "import result_files as f; [r] = f.read_commands(); print(f.weights_of(r)['lite0-stride8.onnx'])"
    found = subprocess.run(
        [sys.executable, "-c", digest], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "docs/scripts")},
    )  # fmt: skip
    record = {"command": "eval reid data/reid", "date": "2026-11-29", "seconds": 9.0, "machine": "any"}
    record |= {"weights": {"lite0-stride8.onnx": found.stdout.strip()}}
    (tmp_path / "docs/results/reid.run.json").write_text(json.dumps(record))
    assert script(tmp_path, "results.py").returncode == 0
    return tmp_path
