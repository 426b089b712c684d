"""The command as a user runs it: exit codes, sentences, tables, and the way back after a mistake."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.batch_clips import DETECTIONS, results, write_clips
from tests.support.command import LIQUIDTRACK
from tools.batch.command import batch
from tools.batch.config import BatchConfig, RecordingConfig
from tools.batch.results import ResultFolder
from tools.cli.main import main


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_clips(tmp_path / "in", 4, folders=2)
    return tmp_path / "in"


def run(tree: Path, *words: str) -> int:
    out = tree.parent / "out"
    given = ["--detector", f"file:{tree / DETECTIONS}", "--formats", "jsonl"]
    return main(["batch", str(tree), "--out", str(out), *given, *words])


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "summary.csv").open(newline="") as file:
        return {row["recording"]: row for row in csv.DictReader(file)}


def test_good_recordings_are_done_beside_damaged_ones(
    tree: Path, in_process: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "cam0/broken.mp4").write_bytes(b"no video" * 50)
    (tree / "cam1/empty.mkv").touch()
    assert run(tree) == 1
    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 2
    assert "cam0/broken.mp4: not a video" in said.err
    assert "recordings: 4 done, 2 failed" in said.out
    found = rows(tree.parent / "out")
    assert {name for name, row in found.items() if row["state"] == "done"} == {
        "cam0/clip000.mp4", "cam0/clip002.mp4", "cam1/clip001.mp4", "cam1/clip003.mp4"
    }  # fmt: skip
    assert found["cam0/clip000.mp4"]["classes"] == "person: 1"
    assert found["cam0/broken.mp4"]["error"].startswith("not a video")
    assert run(tree) == 1
    said = capsys.readouterr()
    assert said.err == ""
    assert "4 done (4 before), 2 set aside before (--again failed)" in said.out
    (tree / "cam0/broken.mp4").write_bytes((tree / "cam0/clip000.mp4").read_bytes())
    (tree / "cam1/empty.mkv").unlink()
    assert run(tree) == 0
    assert "recordings: 5 done (4 before)" in capsys.readouterr().out


def test_changed_settings_are_told_and_done_only_when_asked(
    tree: Path, in_process: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tree) == 0
    before = results(tree.parent / "out")
    capsys.readouterr()
    assert run(tree, "--max-age", "3") == 1
    said = capsys.readouterr()
    assert said.err.count("max-age was the default and is '3.0'; add --again changed to track it again.") == 4
    assert results(tree.parent / "out") == before
    assert {row["state"] for row in rows(tree.parent / "out").values()} == {"changed"}
    assert run(tree, "--max-age", "3", "--again", "changed") == 0
    assert results(tree.parent / "out").keys() == before.keys()
    assert run(tree, "--max-age", "3") == 0


def test_python_runs_what_the_command_runs(tree: Path, in_process: None) -> None:
    config = BatchConfig(str(tree), str(tree.parent / "out"), quiet=True, recording=RecordingConfig(formats=("mot",)))
    (tree / "batch.toml").write_text(f'detector = "file:{DETECTIONS}"\n')
    assert batch(config) == 0
    assert len(list((tree.parent / "out").rglob("*.run.json"))) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--out", "out"], "there is no such folder"),
        (["empty", "--out", "out"], "there is no recording in it"),
        (["in"], "batch needs --out"),
        (["in", "--out", "file"], "cannot be written (Not a directory"),
        (["in", "--out", "out", "--shard", "3/2"], "give i/n with i from 1 to n"),
        (["in", "--out", "out", "--doubt-factor", "3"], "there is no option"),
        (["in", "--out", "out", "--reid", "--whole"], "works frame by frame, not with --whole"),
        (["in", "--out", "out", "--detector", "onnx:none.onnx"], "is not there"),
        (["in", "--out", "out", "--on", "moon"], "there is no such place"),
        (["in", "--out", "out", "--report", "../x.html"], "give a name that ends in"),
        (["rtsp://camera", "--out", "out"], "batch takes recordings"),
    ],
)
def test_mistakes_of_the_user_are_one_sentence_and_exit_with_2(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clips(tmp_path / "in", 1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert main(["batch", *words]) == 2
    got = capsys.readouterr().err
    assert said in got
    assert len(got.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_tables_of_the_user_are_not_replaced(tree: Path, in_process: None, capsys: pytest.CaptureFixture[str]) -> None:
    out = tree.parent / "out"
    out.mkdir()
    (out / "summary.csv").write_text("mine")
    assert run(tree) == 2
    assert "summary.csv exists and was not written by batch" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["summary.csv"]
    assert run(tree, "--overwrite") == 0


def test_results_inside_the_folder_are_said_and_not_tracked(
    tree: Path, in_process: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--detector", f"file:{tree / DETECTIONS}", "--formats", "video", "images"]
    for _ in range(2):
        assert main(["batch", str(tree), "--out", str(tree / "out"), *words]) == 0
        assert "is not searched for recordings" in capsys.readouterr().err
    assert main(["batch", str(tree), "--out", str(tree), *words]) == 0
    assert main(["batch", str(tree), "--out", str(tree), *words]) == 0
    assert "recordings: 4 done (4 before)" in capsys.readouterr().out.splitlines()[-3]


def test_full_disk_begins_nothing_more(
    tree: Path, in_process: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, calls = os.replace, []

    def full(path: Any, to: Any, **rest: Any) -> None:
        if str(to).endswith(".jsonl"):
            calls.append(to)
            if len(calls) > 1:
                raise OSError(28, "No space left on device", str(to))
        real(path, to, **rest)

    monkeypatch.setattr("tools.batch.results.os.replace", full)
    assert run(tree) == 1
    said = capsys.readouterr()
    assert len(calls) == 2
    assert "No space left on device" in said.err
    assert "make room and run the same command again" in said.err
    assert len(said.err.splitlines()) == 1
    assert "recordings: 1 done, 1 failed, 2 not begun" in said.out
    monkeypatch.undo()
    assert len(list((tree.parent / "out").rglob("*.run.json"))) == 1


def test_recording_of_another_command_is_left_to_it_and_waited_for(
    tree: Path, in_process: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ResultFolder(tree.parent / "out")
    folder.create()
    begun, release = threading.Event(), threading.Event()

    def other() -> None:
        with folder.locked("cam0/clip000", wait=False):
            begun.set()
            release.wait(60)

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait(60)
    threading.Timer(3.0, release.set).start()
    assert run(tree) == 0
    thread.join()
    assert "recordings: 4 done" in capsys.readouterr().out
    journal = (folder.hidden / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["recording"] for line in journal][-1] == "cam0/clip000.mp4"


def test_shards_share_a_folder_and_its_table(tree: Path, in_process: None) -> None:
    for part in ("1/2", "2/2"):
        assert run(tree, "--shard", part, "--quiet") == 0
    assert {row["state"] for row in rows(tree.parent / "out").values()} == {"done"}


def test_dry_run_lists_and_writes_nothing(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tree, "--dry-run") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"cam{k % 2}/clip{k:03}.mp4: to be tracked" for k in (0, 2, 1, 3)
    ]  # fmt: skip
    assert not (tree.parent / "out").exists()


def test_steps_are_told_to_programs(tree: Path, in_process: None, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "cam0/broken.mp4").write_bytes(b"no video" * 50)
    assert run(tree, "--progress-json") == 1
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [event["event"] for event in events if event["event"] != "progress"]
    assert kinds[:2] == ["found", "engine"]
    assert kinds.count("begin") == 5
    assert (kinds.count("done"), kinds.count("failed")) == (4, 1)
    assert (events[0]["recordings"], events[-1]["done"], events[-1]["failed"]) == (5, 4, 1)


def test_one_interrupt_ends_the_command_soon_and_the_next_one_goes_on(tmp_path: Path) -> None:
    write_clips(tmp_path / "in", 12)
    out = tmp_path / "out"
    command = [
        *(*LIQUIDTRACK, "batch", str(tmp_path / "in"), "--out", str(out), "--formats", "jsonl", "--on", "local:1"),
        *("--detector", f"file:{tmp_path / 'in' / DETECTIONS}"),
    ]
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        before, until = len(list(out.glob("cam?/*.run.json"))), time.monotonic() + 120
        while len(list(out.glob("cam?/*.run.json"))) <= before and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "run the same command again to go on" in said
        assert "Traceback" not in said
    assert not list((out / ".batch/work").iterdir())
    assert 2 <= len(list(out.glob("cam?/*.run.json"))) < 12
