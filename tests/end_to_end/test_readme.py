"""What a newcomer does with the README alone works: its commands, its Python, its links."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.moving_box_clip import HEIGHT, SIDE, TIMES, WIDTH, write_clip, write_detections
from tests.support.onnx_nets import write_net, yolox_answer
from tools.cli.main import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def command(beginning: str) -> list[str]:
    """The words of the one command that begins so, without `liquidtrack`."""
    (line,) = (
        line for block in blocks("bash") for line in block.splitlines() if line.startswith(f"liquidtrack {beginning}")
    )
    return shlex.split(line, comments=True)[1:]


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\w+)", "\n".join(blocks("bash")), re.MULTILINE)
    assert targets == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_five_line_example_runs(tmp_path: Path) -> None:
    (code,) = blocks("python")
    assert len([line for line in code.splitlines() if line]) <= 5
    write_clip(tmp_path / "street.mp4")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    times = re.findall(r"^(\d+\.\d{3}) s", done.stdout, re.MULTILINE)
    assert [float(time) for time in times] == pytest.approx(TIMES, abs=1e-3)


def test_default_run_writes_the_two_documented_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "street.mp4", TIMES[:8])
    (block,) = (block for block in blocks("bash") if block.strip() == "liquidtrack track street.mp4")
    assert main(shlex.split(block)[1:]) == 0
    assert (tmp_path / "street.tracked.mp4").stat().st_size > 1000
    assert len((tmp_path / "street.jsonl").read_text().splitlines()) == 1 + 8


def test_tracks_of_a_custom_detector_are_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")
    monkeypatch.chdir(tmp_path)
    times = TIMES[:8]
    write_clip(tmp_path / "street.mp4", times)
    found = write_detections(tmp_path / "truth.txt", times).read_text()
    (tmp_path / "truth.txt").write_text(found.replace(",-1,", ",1,"))
    planted = [(8, 2, 6, (10 + SIDE / 2, 40 + SIDE / 2, SIDE, SIDE), 0, 0.9)]
    inputs = {"images": ((1, 3, HEIGHT + -HEIGHT % 32, WIDTH), np.float32)}
    size = (WIDTH, HEIGHT + -HEIGHT % 32)
    write_net(tmp_path / "yolox.onnx", inputs, {"output": yolox_answer(size, planted)})
    assert main(command("track street.mp4 --detector yolox.onnx")) == 0
    assert main(command("eval mot")) == 0
    assert re.search(r"^out +\d+\.\d\d ", capsys.readouterr().out, re.MULTILINE)


def test_links_resolve_to_project_files() -> None:
    links = re.findall(r"\]\(([^)#]+)", README)
    assert len(links) > 5
    for link in links:
        assert (ROOT / link.partition("#")[0]).exists(), link
