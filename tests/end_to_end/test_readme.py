"""What the README shows runs: its Python as it stands, its commands as far as their settings."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.moving_box_clip import TIMES, write_clip
from tools.cli.main import COMMANDS, load, split
from tools.cli.settings import parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


LINES = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("liquidtrack ")]


@pytest.mark.parametrize("line", LINES)
def test_every_command_is_understood(line: str) -> None:
    name, words = split(shlex.split(line, comments=True)[1:])
    assert parse(load(COMMANDS[name].config), f"liquidtrack {name}", words)


def test_the_make_targets_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\w+)", "\n".join(blocks("bash")), re.MULTILINE)
    assert targets == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_the_five_lines_run(tmp_path: Path) -> None:
    (code,) = blocks("python")
    assert len([line for line in code.splitlines() if line]) <= 5
    write_clip(tmp_path / "street.mp4")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    times = re.findall(r"^(\d+\.\d{3}) s", done.stdout, re.MULTILINE)
    assert [float(time) for time in times] == pytest.approx(TIMES, abs=1e-3)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
