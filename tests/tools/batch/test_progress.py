"""What a batch shows while it runs."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tools.batch import progress
from tools.batch.progress import BatchProgress
from tools.batch.steps import StepFile, running_steps
from tracker.types import Frame


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(screen: io.StringIO, *texts: str) -> bool:
    until = time.monotonic() + 60
    while not all(text in screen.getvalue() for text in texts):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def frame(time: float) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), 0, time)


def test_terminal_shows_a_bar_the_running_recordings_and_the_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(progress, "REFRESH_S", 0.05)
    with BatchProgress(tmp_path, quiet=False, as_json=False) as shows:
        monkeypatch.setattr(sys, "stderr", io.StringIO())  # as while settings are parsed
        shows.total(4)
        with StepFile(tmp_path, "cam0/a.mp4"), StepFile(tmp_path, "cam1/b.mp4, segment 2"):
            assert shown(screen, "batch: 0 of 4", "  cam0/a.mp4: frame 0", "  cam1/b.mp4, segment 2: frame 0")
        shows.settled(worked=True)
        assert shown(screen, "batch: 1 of 4", " left")
    assert list(tmp_path.iterdir()) == []


def test_log_gets_a_line_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setattr(progress, "LINES_S", 0.05)
    with BatchProgress(tmp_path, quiet=False, as_json=False) as shows, StepFile(tmp_path, "a.mp4"):
        shows.total(2)
        assert shown(log, "batch: 0 of 2 recordings, 1 running: a.mp4 at 0.0 s\n")
    assert "\r" not in log.getvalue()


def test_step_of_a_recording_is_read_while_it_runs_and_damage_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.batch.steps.EVERY_S", 0.0)
    (tmp_path / "killed.json").write_text('["half')
    with StepFile(tmp_path, "a.mp4") as step:
        step(frame(0.0))
        step(frame(2.5))
        (found,) = running_steps(tmp_path)
        assert (found.label, found.frames, found.time) == ("a.mp4", 2, 2.5)
    assert running_steps(tmp_path) == []
