"""Child processes: they end with their parent, import only our code, and stop on Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.attack.harness import Running, assert_answered, attack, start


def sequences(root: Path, frames: int, count: int = 2) -> Path:
    """Sequences of detections that take some seconds to track."""
    for k in range(count):
        folder = root / f"seq{k}"
        (folder / "det").mkdir(parents=True)
        (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=25\nimWidth=1920\nimHeight=1080\n")
        rows = [
            f"{frame},-1,{40 * i + frame % 30},{20 * i},30,60,0.9,-1,-1,-1\n"
            for frame in range(1, frames + 1)
            for i in range(20)
        ]
        (folder / "det/det.txt").write_text("".join(rows))
    return root


def started(run: Running, ready: Callable[[], bool] = lambda: True) -> list[int]:
    """The children of an attacked process, once there are two of them and all is `ready`."""
    found: list[int] = []
    until = time.monotonic() + 60
    while (len(found) < 2 or not ready()) and time.monotonic() < until:
        time.sleep(0.02)
        found = []
        for child in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split():
            with contextlib.suppress(OSError):  # it ended meanwhile
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def workers(run: Running, out: Path) -> list[int]:
    """The same, once they are at work on their sequences."""
    return started(run, lambda: len(list(out.glob("seq?.txt"))) == 2)


@pytest.mark.parametrize("fresh", [False, True])
def test_modules_in_the_working_folder_are_never_imported(tmp_path: Path, fresh: bool) -> None:
    for name in ("multiprocessing", "numpy", "cv2", "tomllib", "datasets", "tools", "tracker", "json", "encodings"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'a').write({name!r})\n")
    sequences(tmp_path / "root", 5)
    answer = attack(["mot", "root", "out", "--workers", "2", "--quiet"], cwd=tmp_path, fresh=fresh, seconds=60)
    assert_answered(answer, code=0)
    assert sorted(path.name for path in (tmp_path / "out").glob("seq?.txt")) == ["seq0.txt", "seq1.txt"]
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent_process(number: int, tmp_path: Path) -> None:
    sequences(tmp_path / "root", 3000)
    with start(["mot", "root", "out", "--workers", "2", "--quiet"], cwd=tmp_path, seconds=90, grace=5) as run:
        assert len(workers(run, tmp_path / "out")) == 2
        run.signal(number)
        answer = run.wait()
    assert answer.code == -number
    assert not answer.left, str(answer)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_training_rollout_process_ends_with_its_parent(number: int, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs the extra `torch`")
    from tests.support.walking_people import folder

    folder(tmp_path / "data")
    words = ["train", "association", "data", "--out", "out", "--clips", "100000", "--workers", "2", "--quiet"]
    with start(words, cwd=tmp_path, seconds=90, grace=5) as run:
        assert len(started(run)) == 2
        run.signal(number)
        answer = run.wait()
    assert answer.code == -number
    assert not answer.left, str(answer)


def test_ctrl_c_ends_all_workers(tmp_path: Path) -> None:
    sequences(tmp_path / "root", 3000)
    with start(["mot", "root", "out", "--workers", "2", "--quiet"], cwd=tmp_path, seconds=90) as run:
        assert len(workers(run, tmp_path / "out")) == 2
        os.killpg(run.pid, signal.SIGINT)
        answer = run.wait()
    assert_answered(answer, code=1, says="ended by Ctrl-C")


def test_killed_worker_is_reported(tmp_path: Path) -> None:
    sequences(tmp_path / "root", 3000)
    with start(["mot", "root", "out", "--workers", "2", "--quiet"], cwd=tmp_path, seconds=90) as run:
        os.kill(workers(run, tmp_path / "out")[0], signal.SIGKILL)
        answer = run.wait()
    assert_answered(answer, code=1, says="--workers")


NEVER = """
import ctypes, pathlib
def detect(frame):
    if frame.index < 2:
        return [[20, 30, 60, 90, 0.9, 0]]
    pathlib.Path("began").touch()
    ctypes.CDLL(None).sleep(1000)  # like a network that never returns: outside of Python
"""
TRACK = ["track", "scene:3", "--detector", "python:never:detect", "--jsonl", "o.jsonl"]


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_a_run_with_a_hanging_detector(times: int, tmp_path: Path) -> None:
    (tmp_path / "never.py").write_text(NEVER)
    with start(TRACK, cwd=tmp_path, seconds=60) as run:
        while not (tmp_path / "began").exists():
            time.sleep(0.02)
        for _ in range(times):
            run.signal(signal.SIGINT)
            time.sleep(0.3)
        answer = run.wait()
    assert_answered(answer, code=1) if times == 2 else None
    assert answer.code == 1, str(answer)
    assert not answer.why
    if times == 1:  # the files are finished
        assert (tmp_path / "o.jsonl").read_text().startswith('{"format"')


BLOCKED = """
import ctypes, pathlib
sleep = ctypes.CDLL(None).sleep
pathlib.Path("began").touch()
sleep(1000)
"""


def test_ctrl_c_ends_an_unresponsive_command(tmp_path: Path) -> None:
    """The main thread sits in a library; a separate thread handles the second Ctrl-C."""
    (tmp_path / "never.py").write_text(BLOCKED)
    with start(TRACK, cwd=tmp_path, seconds=60) as run:
        while not (tmp_path / "began").exists():
            time.sleep(0.02)
        time.sleep(0.3)  # for the way from the file to the library
        for _ in range(2):
            run.signal(signal.SIGINT)
            time.sleep(0.3)
        assert_answered(run.wait(), code=1, says="ended by Ctrl-C")
