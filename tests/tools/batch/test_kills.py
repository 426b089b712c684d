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


def disturbed(
    root: Path, out: Path, place: str, count: int, shares: tuple[float, ...], stack: contextlib.ExitStack
) -> None:
    """Runs the command, ended with kill -9 whenever a share of the recordings is done, a worker before that each time;
    then to its end."""
    command = [
        *(*LIQUIDTRACK, "batch", str(root), "--out", str(out), "--formats", "jsonl", "--on", place, "--quiet"),
        *("--detector", f"file:{root / DETECTIONS}"),
    ]
    chance = random.Random(29)
    for share in shares:
        driver = subprocess.Popen(command)
        stack.callback(driver.wait)
        stack.callback(driver.kill)
        until = time.monotonic() + PATIENCE_S
        kill_at, killed = done(out) + chance.randint(2, max(2, count // 15)), False
        while done(out) < share * count or not killed:
            assert driver.poll() is None
            assert time.monotonic() < until
            if not killed and done(out) >= kill_at and (alive := workers_of(driver.pid)):
                os.kill(chance.choice(alive), signal.SIGKILL)
                killed = True
            time.sleep(0.02)
        orphans = workers_of(driver.pid)
        driver.kill()
        driver.wait()
        while any(Path(f"/proc/{pid}").exists() for pid in orphans):  # they end with it
            assert time.monotonic() < until
            time.sleep(0.02)
    assert done(out) < count
    last = subprocess.run(command, timeout=PATIENCE_S)
    assert last.returncode == 0


def check(out: Path, wanted: dict[str, bytes], count: int) -> None:
    assert len(wanted) == 2 * count
    assert results(out) == wanted
    assert not list((out / ".batch/work").iterdir())
    table = (out / "summary.csv").read_text().splitlines()
    assert len(table) == count + 1
    assert all(",done," in line for line in table[1:])


def test_killed_workers_and_commands_change_nothing(tmp_path: Path, stack: contextlib.ExitStack) -> None:
    write_clips(tmp_path / "in", COUNT)
    wanted = undisturbed(tmp_path / "in", tmp_path / "wanted")
    disturbed(tmp_path / "in", tmp_path / "out", "local:2", COUNT, (0.2, 0.4, 0.7), stack)
    check(tmp_path / "out", wanted, COUNT)


@pytest.mark.slow
def test_killed_workers_and_commands_change_nothing_on_dask(tmp_path: Path, stack: contextlib.ExitStack) -> None:
    pytest.importorskip("distributed", reason="needs the extra cluster")
    write_clips(tmp_path / "in", 60)
    wanted = undisturbed(tmp_path / "in", tmp_path / "wanted")
    disturbed(tmp_path / "in", tmp_path / "out", "dask:2", 60, (0.2, 0.6), stack)
    check(tmp_path / "out", wanted, 60)
