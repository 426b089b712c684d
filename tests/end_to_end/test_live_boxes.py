"""`track` of streams that are shown or written frame by frame, at the pace of the source."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import LIQUIDTRACK
from tests.support.media_servers import http
from tests.support.window_process import until
from tests.tools.display.conftest import screen as screen
from tools.cli.main import main

DETECTOR = """import time
def detect(frame):
    time.sleep(0.2)
    return [[10, 10, 40, 40, 0.9, 0]]
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A stream of 25 frames a second, and in the working folder a detector that takes 0.2 s."""
    (tmp_path / "slow.py").write_text(DETECTOR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "slow", raising=False)  # of another test in this process
    with http() as stream:
        yield stream.url("cam.mjpg")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def test_files_of_predicted_boxes_hold_every_captured_frame(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["track", server, "--detector", "python:slow:detect", "--end", "3", "--live-boxes", "predicted"]
    assert main([*words, "--jsonl", "o.jsonl", "--video", "o.mkv", "--record", "all.mkv"]) == 0
    lines = lines_of(tmp_path / "o.jsonl")
    recorded = re.search(r"all\.mkv \((\d+) frames\)", said := capsys.readouterr().out)
    assert recorded is not None
    assert abs(len(lines) - int(recorded[1])) <= 2
    assert [line["frame"] for line in lines] == list(range(len(lines)))
    told = [box["provenance"] for line in lines for box in line["boxes"] if "provenance" in box]
    assert set(told) == {"seen", "predicted"}
    assert told.count("predicted") > told.count("seen")
    assert all(box["xyxy"] == [10, 10, 40, 40] for line in lines for box in line["boxes"] if "provenance" not in box)
    assert "capture to track" in said


def test_files_hold_the_frames_that_were_seen_by_default(server: str, tmp_path: Path) -> None:
    words = ["track", server, "--detector", "python:slow:detect", "--end", "2", "--jsonl", "o.jsonl"]
    assert main(words) == 0
    lines = lines_of(tmp_path / "o.jsonl")
    assert len(lines) <= 11  # five looks a second
    assert all("provenance" not in box for line in lines for box in line["boxes"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["scene:1", "--live-boxes", "predicted"], "is for cameras and streams, and scene-1 is a recording"),
        (["URL", "--live-boxes", "predicted", "--box", "1,1,20,20"], "not for marked ones"),
        (["URL", "--live-boxes", "predicted", "--whole", "--horizon", "1"], "--live-boxes"),
    ],
)
def test_settings_that_contradict_are_one_sentence(
    server: str, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [server if word == "URL" else word for word in words]
    assert main(["track", *words, "--detector", "python:slow:detect", "--jsonl", "o.jsonl"]) == 2
    assert sentence in capsys.readouterr().err


def shown(log: Path) -> int:
    found = re.search(r"shown: (\d+) frames; capture to screen \d+ ms \(95 %: \d+ ms\)", log.read_text())
    return int(found[1]) if found else 0


@pytest.mark.parametrize("end", ["q", "ctrl-c"])
def test_window_moves_at_the_rate_of_the_stream(server: str, tmp_path: Path, screen: str, end: str) -> None:
    log, env = tmp_path / "log", {**os.environ, "DISPLAY": screen}
    words = ["track", server, "--detector", "python:slow:detect", "--show", "--jsonl", "o.jsonl"]
    with log.open("w") as file:
        child = subprocess.Popen([*LIQUIDTRACK, *words], cwd=tmp_path, env=env, stdout=file, stderr=file)
    try:
        out = tmp_path / "o.jsonl"
        until(lambda: out.is_file() and len(lines_of(out)) >= 12, "twelve looks", 90.0)
        if end == "q":
            find = ["xdotool", "search", "--name", "^liquidtrack: "]
            window = subprocess.run(find, env=env, capture_output=True, text=True, check=True).stdout.split()[-1]
            subprocess.run(["xdotool", "windowfocus", "--sync", window, "key", "q"], env=env, check=True)
        else:
            child.send_signal(signal.SIGINT)
        assert child.wait(60) == 0, log.read_text()
    finally:
        child.kill()
        child.wait(10)
    looks = lines_of(tmp_path / "o.jsonl")
    assert shown(log) > 1.5 * len(looks)  # the window did not wait for the detector
    assert "Traceback" not in log.read_text()


def test_nothing_written_is_lost_at_a_kill(server: str, tmp_path: Path) -> None:
    words = ["track", server, "--detector", "python:slow:detect", "--live-boxes", "predicted"]
    out = tmp_path / "o.jsonl"
    with (tmp_path / "log").open("w") as log:
        command = [*LIQUIDTRACK, *words, "--jsonl", "o.jsonl", "--cvat", "o.xml"]
        child = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    try:
        until(lambda: out.is_file() and len(out.read_text().splitlines()) > 30, "thirty frames", 90.0)
    finally:
        child.kill()
        child.wait(10)
    lines = lines_of(out)
    numbers = [line["frame"] for line in lines]
    assert numbers == sorted(set(numbers))  # a busy machine may leave out frames of a live source
    assert len(lines) >= 29
    assert main(["convert", str(tmp_path / "o.xml"), str(tmp_path / "after.jsonl"), "--quiet"]) in (0, 2)
