"""`bench live`: its figures are those of the scene that it played."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.command import liquidtrack
from tests.tools.display.conftest import screen as screen
from tools.cli.main import main

SCENE = "scene:1?width=320&height=180&people=6&vehicles=2"


@pytest.mark.parametrize("show", [False, True])
def test_predicted_boxes_fit_the_shown_frames_better_than_the_last_seen_ones(
    tmp_path: Path, show: bool, request: pytest.FixtureRequest
) -> None:
    words = ["bench", "live", SCENE, "--seconds", "3", "--json", tmp_path / "live.json"]
    if show:  # a window needs a process of its own
        done = liquidtrack(*words, "--show", env={**os.environ, "DISPLAY": request.getfixturevalue("screen")})
    else:
        done = liquidtrack(*words)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "live.json").read_text())
    assert found["source_rate"] == 30
    assert 0 < found["looks"] < found["shown"] <= found["captured"] <= 95
    assert found["looks"] <= 3.0 / 0.2 + 1
    assert found["capture_to_track"]["median_s"] >= 0.2
    assert found["capture_to_screen"]["median_s"] < found["capture_to_track"]["median_s"]
    assert found["boxes"] > 50
    assert 1 >= found["iou_predicted"] > found["iou_last_seen"] > 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--delay", "-1"], "delay is -1"),
        (["--seconds", "0"], "seconds is 0"),
        (["--sources", "0"], "sources is 0"),
        (["--detector-batch", "-1"], "detector_batch is -1"),
        (["street.mp4"], "give scene:SEED"),
        (["scene:1?profile=bursty"], "leave the profile out"),
    ],
)
def test_wrong_settings_are_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "live", *words]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("batch", [1, 2])
def test_several_cameras_share_one_network(tmp_path: Path, batch: int, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "live", SCENE, "--seconds", "1.5", "--sources", "2", "--detector-batch", str(batch)]
    assert main([*words, "--json", str(tmp_path / "live.json")]) == 0
    found = json.loads((tmp_path / "live.json").read_text())
    assert [row["camera"] for row in found["cameras"]] == ["camera 0", "camera 1"]
    for row in found["cameras"]:
        assert 0 < row["looks_rate"] <= row["shown_rate"] <= 31
        assert row["screen"]["median_s"] <= row["track"]["median_s"]
    assert found["looks_rate"] == pytest.approx(sum(row["looks_rate"] for row in found["cameras"]))
    assert "together: " in capsys.readouterr().out
