"""`liquidtrack bench batch` measures real processes; the times themselves are not checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.moving_box_clip import write_clip
from tools.cli.main import MISTAKE, OK, main


def test_both_ways_are_measured_on_the_same_recordings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, out = write_clip(tmp_path / "clip.mp4"), tmp_path / "batch.json"
    words = ["--clip", str(clip), "--heights", "64", "--detectors", "background", "--count", "4", "--seconds", "0.4"]
    assert main(["bench", "batch", *words, "--workers", "2", "--json", str(out), "--overhead", "1"]) == OK
    found = json.loads(out.read_text())
    assert found["workers"] == 2
    (row,) = found["rows"]
    assert (row["height"], row["detector"], row["looks"]) == (64, "background", "all")
    assert row["frames"] >= 4 * 2
    assert row["seconds"] >= 4 * 0.4
    assert row["ratio"] == pytest.approx(row["threads"]["wall"] / row["processes"]["wall"])
    for way in ("processes", "threads"):
        assert all(row[way][name] > 0 for name in ("wall", "cpu", "start", "first", "begin", "memory", "output"))
        assert row["frames_a_second"][way] == pytest.approx(row["frames"] / row[way]["wall"])
        assert row["cpu_seconds_an_hour"][way] == pytest.approx(3600 * row[way]["cpu"] / row["seconds"])
    assert set(found["overhead"]) == {"local:1", "dask:1"}
    assert min(found["overhead"].values()) > 0
    assert f"{row['ratio']:6.2f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--clip", "none.mp4"], "none.mp4: there is no such file"),
        (["--count", "0"], "count is 0"),
        (["--heights", "3"], "heights are (3,)"),
        (["--detectors", "onnx"], "onnx"),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "batch", *words]) == MISTAKE
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("liquidtrack: ")]
    assert said in line
