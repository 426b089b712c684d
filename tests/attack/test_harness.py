"""The harness tells good answers from bad ones, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.attack.harness import Answer, assert_answered, attack, kept, start


@pytest.mark.parametrize("fresh", [False, True])
def test_answer_holds_output_and_exit_code(tmp_path: Path, fresh: bool) -> None:
    answer = attack(["--version"], cwd=tmp_path, fresh=fresh)
    assert answer.code == 0
    assert answer.stdout.startswith(b"liquidtrack ")
    assert answer.stderr == b""
    assert not answer.left
    refused = attack(["track", "absent.mp4", "--jsonl", "o.jsonl"], cwd=tmp_path, fresh=fresh)
    assert "absent.mp4" in assert_answered(refused)


def test_endless_run_is_stopped_with_its_stacks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    answer = attack(["completion", "bash", "--config", "pipe"], cwd=tmp_path, seconds=1)
    assert answer.why == "time"  # no process writes into the pipe
    assert "settings.py" in answer.stacks
    with pytest.raises(AssertionError, match="ended for its time"):
        assert_answered(answer, code=-9)


def test_signal_reaches_a_running_command(tmp_path: Path) -> None:
    with start(["track", "scene:3", "--detector", "background", "--jsonl", "o.jsonl"], cwd=tmp_path) as run:
        while not (tmp_path / "o.jsonl").exists():
            time.sleep(0.02)
        run.signal(signal.SIGINT)
        assert run.wait().code == 1
    assert not Path(f"/proc/{run.pid}").exists()


def test_training_commands_are_forked_with_torch_and_end(tmp_path: Path) -> None:
    answer = attack(["train", "association"], cwd=tmp_path)
    assert answer.code != 0
    assert not answer.why, str(answer)


@pytest.mark.parametrize(
    "stderr",
    [
        b"Traceback (most recent call last):\n",
        b"liquidtrack: \x1b[31mred.\n",
        b"liquidtrack: one.\nliquidtrack: two.\n",
        b"liquidtrack: no end\n",
        b"other\nliquidtrack: one.\n",
        b"",
    ],
)
def test_bad_answers_fail_the_assertion(stderr: bytes) -> None:
    good = Answer([], 2, b"", b"liquidtrack: x is wrong; give y.\n", 0.1, 0, "", [], "")
    assert assert_answered(good) == "liquidtrack: x is wrong; give y."
    with pytest.raises(AssertionError):
        assert_answered(replace(good, stderr=stderr))
    for bad in (replace(good, code=1), replace(good, left=["sleep"]), replace(good, peak=10**9)):
        with pytest.raises(AssertionError):
            assert_answered(bad)
    with pytest.raises(AssertionError):
        assert_answered(good, secrets=["wrong"])


def test_changed_files_fail_the_assertion(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    with kept(tmp_path):
        pass
    with pytest.raises(AssertionError), kept(tmp_path):
        (tmp_path / "a").write_text("two")
