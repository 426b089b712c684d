"""`batch --watch`: recordings are taken when they are at rest, and Ctrl-C ends it well."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.batch_clips import DETECTIONS, write_clips
from tests.support.command import LIQUIDTRACK
from tools.batch.config import BatchConfig
from tools.batch.places import open_results
from tools.batch.planning import TaskPlan, place_of

PATIENCE_S = 120.0


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_recordings_are_tracked_as_they_arrive(tmp_path: Path) -> None:
    first, second, third = write_clips(tmp_path / "made", 3, folders=1)
    root, out = tmp_path / "in", tmp_path / "out"
    root.mkdir()
    words = ["batch", root, "--out", out, "--watch", "--settle", "0.5", "--formats", "jsonl", "--on", "local:1"]
    words += ["--detector", f"file:{tmp_path / 'made' / DETECTIONS}"]
    process = subprocess.Popen(
        [*LIQUIDTRACK, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        data = first.read_bytes()
        with (root / "a.mp4").open("wb", buffering=0) as file:  # a camera that is still writing
            for k in range(8):
                file.write(data[k * len(data) // 8 : (k + 1) * len(data) // 8])
                time.sleep(0.2)
                assert not (out / "a.run.json").exists()
        wait_for((out / "a.run.json").exists)
        (root / "sub").mkdir()
        (root / "sub/b.mp4").write_bytes(second.read_bytes())
        wait_for((out / "sub/b.run.json").exists)
        process.send_signal(signal.SIGINT)
        said, wrong = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, wrong
    assert "recordings: 2 done" in said
    assert (out / "summary.csv").read_text().count(",done,") == 2
    assert not (out / "a.error.json").exists()
    del third


def test_a_recording_that_comes_again_with_other_content_is_told(tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path / "in", 1, folders=1)
    config = BatchConfig(str(tmp_path / "in"), str(tmp_path / "out"), watch=True)
    folder = open_results(config.out)
    folder.create()
    told: list[str] = []
    plan = TaskPlan(config, place_of(config, folder), folder, lambda one, state, why: told.append(f"{state} {why}"))
    tasks = plan.watched(0.0, lambda: False)
    assert next(tasks) is not None
    assert next(tasks) is None  # nothing new
    clip.write_bytes(b"other")
    found = None
    until = time.monotonic() + PATIENCE_S
    while found is None and time.monotonic() < until:
        found = next(tasks)
    assert found is not None
    assert found.label == "cam0/clip000.mp4"
