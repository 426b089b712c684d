"""The doubts of a large recording's other parts are counted while nobody works with the page."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from datasets.projects import Project
from datasets.projects import review_parts as rp
from tests.support.annotation_page import until
from tests.support.doubtful_tracks import project_of, walker
from tools.annotate import doubts as module
from tools.annotate.doubts import Doubts

FRAMES = 3 * 2048


def test_counting_waits_while_somebody_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rp, "MAX_ROWS", 1000)
    monkeypatch.setattr(rp, "PART_ROWS", 5000)
    monkeypatch.setattr(module, "QUIET_S", 0.01)
    clock = [100.0]
    asked = threading.Semaphore(0)

    def now() -> float:
        asked.release()
        return clock[0]

    tracks = {1: walker(0, FRAMES - 1, 100, 0.01, {700: 0.6, 5000: 0.6}), 2: walker(0, FRAMES - 1, 110, 0.01)}
    told: list[dict[str, Any]] = []
    with project_of(tmp_path / "p", tracks, FRAMES) as project:
        doubts = Doubts(project, told.append)
        real = time.monotonic
        monkeypatch.setattr(module.time, "monotonic", now)
        doubts.wait_a_while()
        doubts.queue(5)
        for _ in range(4):  # it looked at the clock again and again, and went on waiting
            assert asked.acquire(timeout=60)
        assert not told
        clock[0] += 1
        monkeypatch.setattr(module.time, "monotonic", real)
        until(lambda: told and told[-1]["counted"] == 3, "all parts are counted")
        doubts.close()
    with Project.open(tmp_path / "p") as project:
        assert rp.remaining_in(project) is not None
