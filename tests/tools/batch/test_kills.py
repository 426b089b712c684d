"""Two hundred recordings, killed workers and killed commands: what is there in the end is what nobody disturbed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.batch_clips import DETECTIONS, results, write_clips
from tests.support.command import LIQUIDTRACK
from tests.support.engine_driver import workers_of
from tools.batch.config import RecordingConfig
from tools.batch.finding import SearchRules, search
from tools.batch.results import ResultFolder
from tools.batch.task import RecordingTask, track_recording
from tracker.detectors.config import DetectorConfig

COUNT = 200
PATIENCE_S = 240.0


def done(out: Path) -> int:
    return sum(1 for _ in out.glob("cam?/*.run.json"))


def undisturbed(root: Path, out: Path) -> dict[str, bytes]:
    ResultFolder(out).create()
    config = RecordingConfig(formats=("jsonl",), detection=DetectorConfig(f"file:{root / DETECTIONS}"))
    for one in search(root, SearchRules()):
        track_recording(RecordingTask(one.source, one.label, one.stem, str(out), config))
    return results(out)


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """What must end with the test, however that ends."""
    with contextlib.ExitStack() as stack:
        yield stack


def test_killed_workers_and_commands_change_nothing(tmp_path: Path, stack: contextlib.ExitStack) -> None:
    root, out = tmp_path / "in", tmp_path / "out"
    write_clips(root, COUNT)
    wanted = undisturbed(root, tmp_path / "wanted")
    assert len(wanted) == 2 * COUNT
    command = [
        *(*LIQUIDTRACK, "batch", str(root), "--out", str(out), "--formats", "jsonl", "--on", "local:2", "--quiet"),
        *("--detector", f"file:{root / DETECTIONS}", "--exclude", "*.csv"),
    ]
    chance = random.Random(29)
    kills = 0
    for share in (0.15, 0.4, 0.7):
        driver = subprocess.Popen(command)
        stack.callback(driver.wait)
        stack.callback(driver.kill)
        until = time.monotonic() + PATIENCE_S
        next_kill = done(out) + 10
        while done(out) < share * COUNT:
            assert driver.poll() is None
            assert time.monotonic() < until
            if done(out) >= next_kill and (alive := workers_of(driver.pid)):
                os.kill(chance.choice(alive), signal.SIGKILL)
                kills, next_kill = kills + 1, done(out) + chance.randint(10, 20)
            time.sleep(0.02)
        orphans = workers_of(driver.pid)
        driver.kill()
        driver.wait()
        while any(Path(f"/proc/{pid}").exists() for pid in orphans):  # they end with it
            assert time.monotonic() < until
            time.sleep(0.02)
    assert kills >= 3
    assert done(out) < COUNT
    last = subprocess.run(command, timeout=PATIENCE_S)
    assert last.returncode == 0
    assert results(out) == wanted
    assert not list((out / ".batch/work").iterdir())
    table = (out / "summary.csv").read_text().splitlines()
    assert len(table) == COUNT + 1
    assert all(",done," in line for line in table[1:])
