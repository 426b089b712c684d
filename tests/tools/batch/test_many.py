"""Ten thousand recordings: the memory of the command does not grow with them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tools.batch.command import batch
from tools.batch.config import BatchConfig, RecordingConfig
from tools.batch.task import RecordingTask
from tools.cli import settings
from tracker.detectors.config import DetectorConfig

COUNT = 10_000
MOST_BYTES = 1_500  # a recording, in all that a run remembers: names in counts, tables and the page


def nothing(task: RecordingTask) -> dict[str, Any]:
    """In place of tracking."""
    return {"state": "done", "frames": 0, "tracks": 0, "seconds": 0.0, "host": "here"}


def test_memory_stays_small_for_ten_thousand_recordings(
    tmp_path: Path, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(COUNT):
        folder = tmp_path / "in" / f"cam{k % 50}"
        if k < 50:
            folder.mkdir(parents=True)
        (folder / f"{k:05}.mp4").touch()
    monkeypatch.setattr("tools.batch.command.track_recording", nothing)
    monkeypatch.setattr(settings, "words_read", [])
    recording = RecordingConfig(formats=("jsonl",), detection=DetectorConfig("background"))
    config = BatchConfig(str(tmp_path / "in"), str(tmp_path / "out"), quiet=True, recording=recording)
    tracemalloc.start()
    try:
        assert batch(config) == 0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < COUNT * MOST_BYTES
    assert (tmp_path / "out/summary.csv").read_text().count("\n") == COUNT + 1
    assert (tmp_path / "out/.batch/journal.jsonl").read_text().count("\n") == COUNT
