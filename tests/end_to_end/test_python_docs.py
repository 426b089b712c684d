"""What docs/guides/python.md shows runs as it stands: its Python, its detector, its command."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.moving_box_clip import write_clip
from tools.cli.main import main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "guides" / "python.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
FILES = {name: code for code in PYTHON if (name := code.splitlines()[0].removeprefix("# ")).endswith(".py")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_clip(tmp_path / "street.mp4")
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_example_runs(folder: Path) -> None:
    """In one process, one after another, as in a notebook."""
    code = "\n".join(code for code in PYTHON if code not in FILES.values())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^0\.31 \[1\]", done.stdout, re.MULTILINE)  # one track over an uneven gap
    assert "20 frames, " in done.stdout
    assert len((folder / "written.jsonl").read_text().splitlines()) >= 20


def test_the_template_of_a_detector_tracks_by_the_command_beside_it(folder: Path) -> None:
    (command,) = re.findall(r"^liquidtrack (.*)$", TEXT, re.MULTILINE)
    assert main(shlex.split(command)) == 0
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    labels = {box["label"] for line in lines for box in line.get("boxes", [])}
    assert labels == {"bright thing"}


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert target.startswith("https://") or (ROOT / "docs" / "guides" / target).exists(), target
