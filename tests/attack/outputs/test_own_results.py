"""A command replaces its own results alone: not those that were changed, of other settings, or of another run."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.attack.harness import assert_answered, attack, kept, start
from tests.support.output_victims import (
    FILES,
    FLAGS,
    HAND,
    MADE,
    NAMES,
    put,
    refused,
    track,
)

# Its own results: again, changed, of other settings, cut off.


def results(work: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in work.rglob("*") if p.is_file() and p.suffix in (".jsonl", ".txt", ".csv")}


@pytest.mark.parametrize("flag", FLAGS)
def test_rerun_replaces_its_own_results(flag: str, work: Path) -> None:
    for _ in range(2):
        assert_answered(attack(track(flag=flag), cwd=work), 0)
    assert not list(work.glob(".*.lock"))


@pytest.mark.parametrize("flag", ["mot", "jsonl", "coco", "yolo", "video"])
@pytest.mark.parametrize("part", [0, 1])
def test_hand_edited_result_is_kept(flag: str, part: int, work: Path) -> None:
    assert_answered(attack(track(flag=flag), cwd=work), 0)
    made = [work / name for name in MADE[flag] if (work / name).is_file()]
    hurt = made[min(part, len(made) - 1)]
    hurt.write_bytes(hurt.read_bytes()[:-3] + HAND)
    with kept(*made):
        refused(attack(track(flag=flag), cwd=work), "changed since", "--overwrite")
    assert_answered(attack(track("--overwrite", flag=flag), cwd=work), 0)
    assert not hurt.read_bytes().endswith(HAND)


@pytest.mark.parametrize("flag", ["mot", "jsonl", "yolo", "video"])
def test_result_of_other_settings_is_kept(flag: str, work: Path) -> None:
    assert_answered(attack(track(flag=flag), cwd=work), 0)
    with kept(*(work / name for name in MADE[flag])):
        said = refused(attack(track("--max-age", "1", flag=flag), cwd=work), "other settings", "--overwrite")
        assert "max-age was the default and is '1.0'" in said
    assert_answered(attack(track("--max-age", "1", "--overwrite", flag=flag), cwd=work), 0)


def test_hand_added_label_is_kept(work: Path) -> None:
    assert_answered(attack(track(flag="yolo"), cwd=work), 0)
    with kept(put(work / "ds/labels/street_8.txt")):
        refused(attack(track(flag="yolo"), cwd=work), "changed since")
        assert_answered(attack(track("--overwrite", flag="yolo"), cwd=work), 0)


def test_overwrite_removes_labels_of_a_longer_run(work: Path) -> None:
    assert_answered(attack(track(flag="yolo"), cwd=work), 0)
    assert len(list((work / "ds/labels").iterdir())) == 20
    assert_answered(attack(track("--end", "0.3", "--overwrite", flag="yolo"), cwd=work), 0)
    assert len(list((work / "ds/labels").iterdir())) == 5


def test_hard_linked_backup_keeps_the_old_result(work: Path) -> None:
    assert_answered(attack(track(), cwd=work), 0)
    (work / "backup.jsonl").hardlink_to(work / "o.jsonl")
    with kept(work / "backup.jsonl"):
        assert_answered(attack(track("--max-age", "1", "--score", "0.99", "--overwrite"), cwd=work), 0)
        assert (work / "o.jsonl").read_bytes() != (work / "backup.jsonl").read_bytes()


BAD_STARTS = {
    "no such source": ["track", "none.mp4", "--detector", "file:det.txt"],
    "no such detector": ["track", "clip.mp4", "--detector", "file:none.txt"],
    "weights that are none": ["track", "clip.mp4", "--detector", "onnx:det.txt"],
    "a detector that fails": ["track", "clip.mp4", "--detector", "python:failing:Detector"],
    "no frame": ["track", "clip.mp4", "--detector", "file:det.txt", "--start", "1000"],
}


@pytest.mark.parametrize("how", BAD_STARTS)
def test_failure_at_the_first_frame_leaves_old_results(how: str, work: Path) -> None:
    flags = [word for flag in FILES for word in (f"--{flag}", NAMES[flag])] + ["--yolo", "ds"]
    flags[flags.index("o.kitti")] = "k.txt"
    put(work / "failing.py", b"class Detector:\n    names = ('a',)\n    def __call__(self, frame):\n        1 / 0\n")
    assert_answered(attack(["track", "clip.mp4", "--detector", "file:det.txt", *flags], cwd=work), 0)
    old = [work / name for name in (*(NAMES[f] for f in FILES if f != "kitti"), "k.txt", "ds", "o.run.toml")]
    with kept(*old):
        answer = attack([*BAD_STARTS[how], *flags, "--overwrite"], cwd=work)
        assert_answered(answer, (0, 1, 2), more_lines=True)


def test_results_of_a_killed_run_are_readable_and_not_overwritten(work: Path) -> None:
    put(work / "slow.py", SLOW)
    words = ["track", "clip.mp4", "--detector", "python:slow:Detector", "--jsonl", "o.jsonl", "--quiet"]
    with start(words, cwd=work) as running:
        wait_for(lambda: (work / "o.jsonl").is_file() and (work / "o.jsonl").read_bytes().count(b"\n") > 2)
        running.signal(signal.SIGKILL)
        running.wait()
    with kept(work / "o.jsonl"):
        refused(attack(words, cwd=work), "cut off", "--overwrite")
    assert [json.loads(line) for line in (work / "o.jsonl").read_text().splitlines()]
    assert list(work.glob(".*.lock")), "a kill leaves the lock's file behind, which must be in nobody's way"
    assert_answered(attack([*track("--overwrite")], cwd=work), 0)
    assert not list(work.glob(".*.lock"))


SLOW = b"""import time
import numpy as np
from tracker.types import Detections
class Detector:
    names = ("a",)
    def __call__(self, frame):
        time.sleep(0.3)
        return Detections(np.array([[10, 40, 34, 64]], np.float32), np.array([0.9], np.float32), np.array([0]))
"""


def wait_for(ready: Callable[[], bool], seconds: float = 25.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "flag", ["jsonl", "yolo", *(pytest.param(flag, marks=pytest.mark.slow) for flag in ("video", "cvat"))]
)
def test_concurrent_runs_do_not_share_an_output_file(flag: str, work: Path) -> None:
    put(work / "slow.py", SLOW)
    words = ["track", "clip.mp4", "--detector", "python:slow:Detector", f"--{flag}", NAMES[flag], "--quiet"]
    with start(words, cwd=work) as first:
        wait_for(lambda: (work / NAMES[flag]).exists())
        refused(attack([*words, "--overwrite"], cwd=work), "being written by another run")
        assert_answered(first.wait(), 0)
    assert_answered(attack([*words, "--end", "0.1", "--overwrite"], cwd=work), 0)


def test_concurrent_runs_may_share_an_output_folder(work: Path) -> None:
    put(work / "slow.py", SLOW)
    words = ["track", "clip.mp4", "--detector", "python:slow:Detector", "--end", "0.3", "--quiet", "--mot"]
    with start([*words, "a.txt"], cwd=work) as one, start([*words, "b.txt"], cwd=work) as other:
        assert_answered(one.wait(), 0)
        assert_answered(other.wait(), 0)
    for name in ("a.txt", "b.txt"):
        assert_answered(attack([*words, name], cwd=work), 0)
