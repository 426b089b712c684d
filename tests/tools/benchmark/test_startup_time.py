"""`liquidtrack bench startup` measures real starts; the times themselves are not checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.moving_box_clip import write_clip
from tools.cli.main import MISTAKE, OK, main


def test_figures_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, out = write_clip(tmp_path / "clip.mp4"), tmp_path / "startup.json"
    assert main(["bench", "startup", str(clip), "--rounds", "1", "--json", str(out)]) == OK
    figures = json.loads(out.read_text())
    assert list(figures) == ["python alone", "--help", "first tracked frame"]
    assert min(figures.values()) > 0
    text = capsys.readouterr().out
    assert all(f"{seconds:.3f} s" in text for seconds in figures.values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.mp4"], "none.mp4: there is no such file"),
        (["CLIP", "--rounds", "0"], "rounds is 0"),
        (["CLIP", "--rounds", "1", "--json", "/dev/null/x.json"], "a file where a folder is due"),
    ],
)
def test_mistakes_are_one_sentence(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(write_clip(tmp_path / "clip.mp4")) if word == "CLIP" else word for word in words]
    assert main(["bench", "startup", *words]) == MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_failed_run_reports_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = write_clip(tmp_path / "whole.avi").read_bytes()
    torn = tmp_path / "torn.avi"
    torn.write_bytes(whole[:600] + bytes(len(whole) - 600))
    assert main(["bench", "startup", str(torn), "--rounds", "1"]) == MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert "torn.avi" in line
