"""`track --looks` where frames come once: pipes and streams. Frames without a look have predicted boxes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import pytest

from tests.support.command import LIQUIDTRACK
from tests.support.crossing import Crossing
from tests.support.media_servers import http
from tools.cli.main import main

SLOW = """import time
def detect(frame):
    time.sleep(0.2)
    return [[10, 10, 40, 40, 0.9, 0]]
"""


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Crossing:
    """The crossing, also as Matroska, which can be read from a pipe."""
    made = Crossing(tmp_path_factory.mktemp("crossing"))
    with av.open(str(made.video)) as film, av.open(str(made.folder / "crossing.mkv"), "w") as copy:
        stream = copy.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(film.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return made


@pytest.fixture(autouse=True)
def _fresh(crossing: Crossing) -> None:
    crossing.uses()


def piped(crossing: Crossing, folder: Path) -> str:
    """A named pipe that the video is written into."""
    pipe = folder / "crossing.pipe"
    os.mkfifo(pipe)

    def feed() -> None:
        with suppress(BrokenPipeError):
            pipe.write_bytes((crossing.folder / "crossing.mkv").read_bytes())

    threading.Thread(target=feed, daemon=True).start()
    return str(pipe)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def provenances(lines: list[dict[str, Any]]) -> list[str]:
    return [box.get("provenance", "seen") for line in lines for box in line["boxes"]]


@pytest.mark.parametrize("looks", ["0.3", "5/s", "auto"])
def test_a_pipe_is_looked_at_as_it_comes(
    crossing: Crossing, tmp_path: Path, looks: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe, detector = piped(crossing, tmp_path), f"python:{crossing.folder / 'detector.py'}:detect"
    words = ["track", pipe, "--looks", looks, "--detector", detector, "--jsonl", str(tmp_path / "a.jsonl")]
    assert main([*words, "--mot", str(tmp_path / "a.txt"), "--video", str(tmp_path / "a.mkv")]) == 0
    used, lines = crossing.uses(), lines_of(tmp_path / "a.jsonl")
    assert f"looks: the detector worked on {used} of {crossing.frames} frames" in capsys.readouterr().out
    assert [line["frame"] for line in lines] == list(range(crossing.frames))
    if looks != "auto":
        assert abs(used - (0.3 if looks == "0.3" else 5 / 15) * crossing.frames) <= 5
    told = provenances(lines)
    assert set(told) == {"seen", "predicted"}
    frames = {line["frame"] for line in lines if "predicted" in provenances([line])}
    assert len(frames) <= crossing.frames - used
    assert len((tmp_path / "a.txt").read_text().splitlines()) == len(told)
    with av.open(str(tmp_path / "a.mkv")) as video:
        assert sum(1 for _ in video.decode(video=0)) == crossing.frames


def test_all_looks_of_a_pipe_write_the_bytes_of_no_budget(crossing: Crossing, tmp_path: Path) -> None:
    detector, found = f"python:{crossing.folder / 'detector.py'}:detect", []
    for name, more in (("usual", []), ("all", ["--looks", "all"]), ("one", ["--looks", "1"])):
        (tmp_path / name).mkdir()
        out = tmp_path / name / "a.jsonl"
        pipe = piped(crossing, tmp_path / name)
        assert main(["track", pipe, "--quiet", "--detector", detector, "--jsonl", str(out), *more]) == 0
        found.append(out.read_bytes())
    assert found[0] == found[1] == found[2]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A stream of 25 frames a second, and in the working folder a detector that takes 0.2 s."""
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "fast.py").write_text(SLOW.replace("0.2", "0.0"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "slow", raising=False)  # of another test in this process
    with http() as stream:
        yield stream.url("cam.mjpg")


def looks_of(said: str) -> tuple[int, int]:
    found = re.search(r"looks: the detector worked on (\d+) of (\d+) frames", said)
    assert found is not None
    return int(found[1]), int(found[2])


def test_a_stream_is_looked_at_by_its_budget(server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["track", server, "--detector", "python:fast:detect", "--looks", "0.2", "--end", "4", "--jsonl", "o.jsonl"]
    assert main(words) == 0
    looks, frames = looks_of(capsys.readouterr().out)
    lines = lines_of(tmp_path / "o.jsonl")
    captured = lines[-1]["frame"] + 1
    assert len(lines) == frames
    assert looks <= 0.2 * captured + 5
    assert looks >= 5
    told = provenances(lines)
    assert set(told) == {"seen", "predicted"}
    assert told.count("predicted") > told.count("seen")


def test_with_a_slow_detector_the_budget_is_a_ceiling(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["track", server, "--detector", "python:slow:detect", "--looks", "20/s", "--end", "3"]
    assert main([*words, "--live-boxes", "predicted", "--jsonl", "o.jsonl"]) == 0
    looks, frames = looks_of(capsys.readouterr().out)
    assert looks <= 16  # five a second
    assert frames == len(lines_of(tmp_path / "o.jsonl"))
    assert set(provenances(lines_of(tmp_path / "o.jsonl"))) == {"seen", "predicted"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fill", "hidden"], "leave --fill out: boxes between two looks are predicted"),
        (["--whole", "--horizon", "1"], "goes back and forth"),
        (["--reid"], "needs every frame"),
        (["--box", "1,1,20,20"], "needs every frame"),
    ],
)
def test_what_a_stream_cannot_do_is_one_sentence(
    server: str, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["track", server, "--detector", "python:fast:detect", "--looks", "0.2", "--jsonl", "o.jsonl"]
    assert main([*asked, *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not (tmp_path / "o.jsonl").exists()


def test_standard_input_is_a_pipe_too(crossing: Crossing, tmp_path: Path) -> None:
    detector = f"python:{crossing.folder / 'detector.py'}:detect"
    words = [
        "track",
        "/dev/stdin",
        "--looks",
        "0.3",
        "--quiet",
        "--detector",
        detector,
        "--jsonl",
        tmp_path / "a.jsonl",
    ]
    with subprocess.Popen(["cat", str(crossing.folder / "crossing.mkv")], stdout=subprocess.PIPE) as cat:
        done = subprocess.run([*LIQUIDTRACK, *words], stdin=cat.stdout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(lines_of(tmp_path / "a.jsonl")) == crossing.frames
    assert crossing.uses() < 0.5 * crossing.frames
