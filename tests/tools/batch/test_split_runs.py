"""`batch --split`: segments are tasks of their own; the result is that of one process, whoever was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.batch_clips import results
from tests.support.command import LIQUIDTRACK
from tests.support.moving_box_clip import write_clip, write_detections
from tools.batch.engines.attempt import attempt, versions
from tools.batch.engines.types import TaskOutcome
from tools.cli.main import main

TIMES = np.arange(0, 12, 0.08).round(3).tolist()


def run(root: Path, out: str, *words: str) -> int:
    given = ["--detector", f"file:{root / 'found.txt'}", "--formats", "jsonl", "video", "--split", "3"]
    return main(
        ["batch", str(root / "in"), "--out", str(root / out), *given, "--split-overlap", "1", "--quiet", *words]
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in/long.mp4", TIMES)
    write_clip(tmp_path / "in/short.mp4", TIMES[:10])
    write_detections(tmp_path / "found.txt", TIMES)
    return tmp_path


def test_result_of_segments_is_the_same_for_any_number_of_processes(root: Path) -> None:
    assert run(root, "one", "--on", "local:1", "--task-threads", "1") == 0
    assert run(root, "two", "--on", "local:2", "--task-threads", "1") == 0
    found = results(root / "one")
    assert sorted(found) == [
        f"{name}{ending}" for name in ("long", "short") for ending in (".jsonl", ".run.json", ".tracked.mp4")
    ]
    assert results(root / "two") == found
    assert found["long.jsonl"].count(b"\n") == len(TIMES) + 1
    assert b'"tracks": 1' in found["long.run.json"]
    assert not list((root / "one/.batch/segments").iterdir())


def test_failed_segments_fail_their_recording_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "found.txt").write_text((root / "found.txt").read_text() + f"{len(TIMES)},-1,1,1,-5,5,0.9\n")
    assert run(root, "out", "--on", "local:1") == 1
    said = capsys.readouterr().err
    assert said.count("needs a positive width") >= 1
    assert len([line for line in said.splitlines() if "long.mp4" in line]) == 1


def test_killed_command_goes_on_with_the_segments_that_are_there(root: Path) -> None:
    code = root / "detector.py"
    code.write_text("import time\ndef detect(frame):\n    time.sleep(0.01)\n    return [[20, 40, 44, 64, 0.9, 0]]\n")
    given = ["--detector", f"python:{code}:detect", "--formats", "jsonl", "--split", "3", "--split-overlap", "1"]
    words = ["batch", str(root / "in"), *given, "--quiet", "--on", "local:1"]
    segments = root / "out/.batch/segments"
    process = subprocess.Popen([*LIQUIDTRACK, *words, "--out", str(root / "out")], start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(segments.rglob("*.npz")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in segments.rglob("*.npz")}
    assert kept
    folder = next(iter(kept)).parent
    assert main([*words, "--out", str(root / "out")]) == 0
    assert not folder.exists()  # nothing is left behind
    assert main([*words, "--out", str(root / "undisturbed")]) == 0
    assert results(root / "out") == results(root / "undisturbed")


def test_recording_whose_segments_are_planned_last_is_not_lost(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine takes all recordings before the first one ends, and the one that is cut ends last."""

    def eager(engine: Any, tasks: Iterator[Any], work: Any, **rest: Any) -> Iterator[Any]:
        waiting: list[Any] = []
        while True:
            while (task := next(tasks, None)) is not None:
                waiting.append(task)
            if not waiting:
                return
            task = waiting.pop()
            answer = attempt(work, task, versions(), 0)
            yield TaskOutcome(task, answer.get("result"), answer.get("error"), 1)

    monkeypatch.setattr("tools.batch.command.run_tasks", eager)
    assert run(root, "out") == 0
    assert sorted(path.name for path in (root / "out").glob("*.run.json")) == ["long.run.json", "short.run.json"]
