"""`liquidtrack bench annotate-speed`: a short film in a real browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from datasets.projects import Project
from tools.benchmark.annotate_browser import NAMES
from tools.cli.main import MISTAKE, main


def test_figures_of_a_short_film_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not any(map(shutil.which, NAMES)):
        pytest.skip("no Chromium on this machine; the page is measured in one")
    words = ["--hours", "0.004", "--tracks", "3", "--width", "320", "--height", "180", "--key-distance", "50"]
    out = tmp_path / "out.json"
    command = ["bench", "annotate-speed", str(tmp_path / "kept"), *words, "--steps", "3", "--seeks", "2"]
    assert main([*command, "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["boxes"] == 3 * 432
    assert report["machine"]["cores"] >= 1
    figures = report["figures"]
    printed = capsys.readouterr().out
    for name in ("step forwards", "step backwards", "seek", "operation", "memory"):
        assert 0 < figures[name]["median"] <= figures[name]["most"]
        assert name in printed
    assert figures["step forwards"]["count"] == 3
    assert sorted(path.suffix for path in (tmp_path / "kept").iterdir()) == [".liquidtrack", ".mp4"]
    with Project.open(next((tmp_path / "kept").glob("*.liquidtrack"))):
        assert main(command) == MISTAKE
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert "cannot be measured" in sentence
    assert "is being edited" in sentence


def test_settings_that_make_no_film_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--tracks", "0"], ["--hours", "0"], ["--width", "321"], ["--browser", str(tmp_path / "none")]):
        small = ["--hours", "0.001", "--width", "320", "--height", "180", "--tracks", "1"]
        assert main(["bench", "annotate-speed", str(tmp_path), *small, *words]) == MISTAKE
        assert capsys.readouterr().err.strip().endswith(".")
