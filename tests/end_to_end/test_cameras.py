"""`track` of several real streams at once: each as if alone, dead ones among them, and every way to end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from tests.support.command import LIQUIDTRACK
from tests.support.media_servers import http, rtsp
from tests.support.window_process import until
from tests.tools.display.conftest import screen as screen
from tools.cli.main import main

DETECTOR = """def detect(frame):
    return [[10, 10, 40, 40, 0.9, 0]]
"""
QUICK = ["--detector", "python:quick:detect", "--quiet"]
DEAD = "gone=rtsp://127.0.0.1:9/street"  # nobody listens there


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a detector of one object."""
    (tmp_path / "quick.py").write_text(DETECTOR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def test_streams_are_tracked_side_by_side_beside_a_dead_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with rtsp(credentials="bob:s3cret") as first, http() as second:
        words = [first.url("bob:s3cret"), f"yard={second.url('cam.mjpg')}", DEAD]
        detector = QUICK[:2]
        out = ["--out", "day", "--record", "day", "--end", "2", "--reconnect", "1"]
        assert main(["track", *words, *detector, *out]) == 1  # one was never opened
    said = capsys.readouterr()
    port = first.port
    (street,) = folder.glob(f"day/rtsp___127.0.0.1_{port}_street-*.jsonl")
    (yard,) = folder.glob("day/yard-*.jsonl")
    for path in (street, yard):
        lines = lines_of(path)
        assert len(lines) > 10
        assert {box["id"] for line in lines for box in line["boxes"]} == {1}  # ids are those of each source
        seconds = [line["seconds"] for line in lines]
        assert seconds == sorted(set(seconds))
        assert seconds[-1] < 2
        with av.open(str(path.with_suffix(".tracked.mp4"))) as video:
            assert sum(1 for _ in video.decode(video=0)) == len(lines)
        assert path.with_suffix(".tracked.run.toml").is_file()
    recorded = {path.name: path for path in folder.glob("day/*.mp4") if "tracked" not in path.name}
    assert set(recorded) == {f"rtsp___127.0.0.1_{port}_street.mp4", "yard.mp4"}
    assert not list(folder.glob("day/gone*"))
    report = said.out.splitlines()
    for name in (f"rtsp://127.0.0.1:{port}/street", "yard"):
        found = (
            rf"{re.escape(name)}: \d+ frames, \d\.\d+ s of video, 1 tracks \(.* frames/s\); dropped \d+, reconnects 0"
        )
        assert any(re.fullmatch(found, line) for line in report), said.out
    assert any(line.startswith("gone: never opened; ") for line in report)
    assert said.err.count("it cannot be opened (Connection refused); trying again") == 1
    assert "s3cret" not in said.out + said.err
    assert not [path for path in folder.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]


def test_stream_that_breaks_is_won_back_while_the_other_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with rtsp(frames=(60, None), away=0.3) as first, rtsp() as second:
        words = [f"weak={first.url()}", f"firm={second.url()}", *QUICK[:2], "--jsonl", "{name}.jsonl", "--end", "5"]
        assert main(["track", *words, "--stall", "1"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"weak: .* reconnects 1$", said, re.MULTILINE)
    assert re.search(r"firm: .* reconnects 0$", said, re.MULTILINE)
    weak, firm = (lines_of(folder / f"{name}.jsonl") for name in ("weak", "firm"))

    def longest(lines: list[dict[str, Any]]) -> tuple[float, float]:
        times = [line["seconds"] for line in lines]
        return max((after - before, before) for before, after in pairwise(times))

    gap, since = longest(weak)
    assert gap > 0.3  # time goes on while it is away
    assert sum(since < line["seconds"] < since + gap for line in firm) > 3
    assert weak[-1]["seconds"] > since + gap


def test_all_dead_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [DEAD, "lost=http://127.0.0.1:9/cam.mjpg", *QUICK, "--jsonl", "out"]
    assert main(["track", *words, "--reconnect", "0"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("liquidtrack: none of the 2 sources is left")
    assert main(["track", *words, "--reconnect", "0.3"]) == 1
    assert "no source has given a picture for 0.3 s" in capsys.readouterr().err.splitlines()[-1]
    assert not (folder / "out").exists()


def test_files_of_predicted_boxes_hold_every_frame_of_each_source(folder: Path) -> None:
    (folder / "slow.py").write_text("import time\n" + DETECTOR.replace("    return", "    time.sleep(0.1)\n    return"))
    with http() as first, http() as second:
        words = [f"a={first.url('cam.mjpg')}", f"b={second.url('cam.mjpg')}", "--detector", "python:slow:detect"]
        assert main(["track", *words, "--live-boxes", "predicted", "--jsonl", "out", "--end", "2", "--quiet"]) == 0
    for name in "ab":
        lines = lines_of(folder / "out" / f"{name}.jsonl")
        numbers = [line["frame"] for line in lines]
        assert numbers == sorted(set(numbers))
        assert len(numbers) > 0.8 * numbers[-1]  # a busy machine captures some late
        assert {box.get("provenance") for line in lines for box in line["boxes"]} >= {"seen", "predicted"}


def test_existing_file_of_one_source_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "yard.jsonl").write_text("mine")
    words = ["door=rtsp://127.0.0.1:9/a", "yard=rtsp://127.0.0.1:9/b", *QUICK, "--jsonl", "."]
    assert main(["track", *words]) == 2
    assert "yard.jsonl exists and was not written by this command" in capsys.readouterr().err
    assert (folder / "yard.jsonl").read_text() == "mine"
    assert not (folder / "door.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["0", "street.mp4"], "street.mp4 is no camera and no stream"),
        (["0", "/dev/video0"], "given twice, in two spellings"),
        (["0", "1", "--whole", "--horizon", "2"], "--whole: that is done with one source at a time"),
        (["0", "1", "--jsonl", "out.jsonl"], "is one file for several sources"),
        (["0", "1", "--detector", "file:quick.py"], "holds the detections of one source"),
        (["0", "1", "--detector-batch", "2", *QUICK], "looks at one frame at a time"),
    ],
)
def test_mistakes_are_one_sentence(
    folder: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.splitlines()) == 1


@contextmanager
def running(folder: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own, with its messages in `log`."""
    with (folder / "log").open("w") as log:
        child = subprocess.Popen(
            [*LIQUIDTRACK, "track", *words], cwd=folder, stdout=log, stderr=log, env={**os.environ, **environment}
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait(10)


def grown(folder: Path, count: int) -> Callable[[], bool]:
    paths = [folder / "out" / f"{name}.jsonl" for name in "ab"]
    return lambda: all(path.is_file() and len(path.read_text().splitlines()) > count for path in paths)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_files_are_whole_however_it_ends(folder: Path, number: signal.Signals) -> None:
    with rtsp() as first, rtsp() as second:
        outputs = ["--jsonl", "out", "--video", "out", "--cvat", "out"]
        with running(folder, f"a={first.url()}", f"b={second.url()}", DEAD, *QUICK, *outputs) as child:
            until(grown(folder, 15), "fifteen frames of each", 90.0)
            child.send_signal(number)
            code = child.wait(60)
    assert code == (1 if number != signal.SIGKILL else -signal.SIGKILL)  # 1: one was never opened
    assert "Traceback" not in (folder / "log").read_text()
    for name in "ab":
        lines = lines_of(folder / "out" / f"{name}.jsonl")
        assert len(lines) >= 15
        assert [line["frame"] for line in lines] == list(range(len(lines)))
        with av.open(str(folder / "out" / f"{name}.tracked.mp4")) as video:
            count = sum(1 for _ in video.decode(video=0))
        if number != signal.SIGKILL:
            assert 0 <= count - len(lines) <= 3  # the encoder may be ahead, as in a run of one source
        assert main(["convert", str(folder / "out" / f"{name}.xml"), str(folder / f"{name}.txt")]) == 0


def test_window_shows_all_cameras_and_obeys_keys(folder: Path, screen: str) -> None:
    with http() as first, http() as second:
        sources = [f"a={first.url('cam.mjpg')}", f"b={second.url('cam.mjpg')}", DEAD]
        words = [*sources, *QUICK[:2], "--jsonl", "out", "--show"]
        with running(folder, *words, DISPLAY=screen) as child:
            until(grown(folder, 15), "fifteen looks at each", 90.0)

            def press(*keys: str) -> None:
                find = ["xdotool", "search", "--name", "^liquidtrack: 3 cameras"]
                env = {**os.environ, "DISPLAY": screen}
                window = subprocess.run(find, env=env, capture_output=True, text=True, check=True).stdout.split()[-1]
                subprocess.run(["xdotool", "windowfocus", "--sync", window, "key", *keys], env=env, check=True)

            press("s")
            until(lambda: list(folder.glob("*.png")), "a saved picture")
            press("2", "space", "q")
            assert child.wait(60) == 1
    log = (folder / "log").read_text()
    assert len(re.findall(r"shown: \d+ frames; capture to screen \d+ ms", log)) == 2, log
    (saved,) = folder.glob("*.png")
    picture = cv2.imread(str(saved))
    assert picture is not None
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    assert picture[height // 2 : height - 40, 40 : width - 40].max() > 200  # the stripes of the first stream
    assert picture[-60:, 40 : width - 40].max() < 100  # the dead one is dark
    assert "Traceback" not in log
