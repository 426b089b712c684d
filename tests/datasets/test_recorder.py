"""Recordings of live sources: every frame that came, at its time, whatever the tracking took of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from datasets.recorder import Recorder
from datasets.sources.cameras import CameraSource
from datasets.sources.config import SourceConfig
from models.errors import DataError
from tests.support.fake_camera import QUICK, FakeCamera
from tests.support.media_servers import http
from tests.support.moving_box_clip import write_clip
from tests.support.striped_video import number_of
from tools.cli.main import main
from tracker.types import Frame, UInt8

SLOW = """import time
from tests.support.striped_video import number_of
seen = []
names = ("person",)
def detect(frame):
    seen.append((frame.index, number_of(frame.bgr)))
    frame.bgr[:] = 0  # somebody draws into it
    time.sleep(0.2)
    return [[10, 10, 40, 40, 0.9, 0]]
"""


def recorded(path: Path) -> list[tuple[float, int]]:
    """(second, number) of each image of a recording."""
    with av.open(str(path)) as container:
        return [
            (frame.time, number_of(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)))
            for frame in container.decode(video=0)
        ]


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A detector that sees one frame of five."""
    (tmp_path / "slowdetector.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "slowdetector", raising=False)
    return __import__("slowdetector")


@pytest.mark.parametrize(
    ("stream", "name", "more"),
    [("live.ts", "r.mp4", []), ("cam.mjpg", "r.mkv", ["--video", "drawn.mp4", "--every", "2"])],
)
def test_recording_has_every_received_frame_and_tracks_may_skip(
    stream: str, name: str, more: list[str], slow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with http() as server:
        words = ["track", server.url(stream), "--detector", "python:slowdetector:detect", "--end", "2", "--stall", "2"]
        words += ["--record", name, "--jsonl", "o.jsonl", "--quiet", *more]
        assert main(words) == 0
        before = (tmp_path / name).read_bytes()
        assert main(words) == 2  # it cannot be made again, so that not even the same command replaces it
        assert (tmp_path / name).read_bytes() == before
        given = [number % 256 for number in server.camera.given]
    kept = recorded(tmp_path / name)
    numbers = [number for _, number in kept]
    first = given.index(numbers[0])
    assert numbers == given[first : first + len(numbers)]
    assert len(numbers) > 20
    head, *lines = (json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines())
    assert 1 < len(lines) < len(numbers) / 2
    assert [numbers[index] for index, _ in slow.seen] == [number for _, number in slow.seen]
    key = "source_frame" if more else "frame"
    assert [line[key] for line in lines] == [index for index, _ in slow.seen[: len(lines)]]
    assert [kept[line[key]][0] for line in lines] == pytest.approx([line["seconds"] for line in lines], abs=1.1e-3)
    assert "start_utc" in head
    if stream == "live.ts":  # without a video, players are sent into the recording
        shown = np.searchsorted([at for at, _ in kept], [line["seek"] for line in lines], "right") - 1
        assert shown.tolist() == [line["frame"] for line in lines]


def test_failure_at_the_first_frame_records_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "failingdetector.py").write_text("names = ('a',)\ndef detect(frame):\n    return 'nonsense'\n")
    (tmp_path / "old.mp4").write_bytes(b"made by hand")
    with http() as server:
        words = [
            "track",
            server.url("cam.mjpg"),
            "--detector",
            "python:failingdetector:detect",
            "--stall",
            "2",
            "--record",
        ]
        assert main([*words, "old.mp4"]) == 2
        assert "--overwrite" in capsys.readouterr().err
        assert main([*words, "old.mp4", "--overwrite"]) != 0
        assert main([*words, "new.mp4"]) != 0
    assert (tmp_path / "old.mp4").read_bytes() == b"made by hand"
    assert not list(tmp_path.glob("new*"))


@pytest.mark.parametrize("name", ["r.txt", "-", "no/r.avi.gz"])
def test_invalid_recording_suffix_is_refused_before_tracking(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with http() as server:
        assert (
            main(["track", server.url("cam.mjpg"), "--detector", "background", "--record", name, "--stall", "2"]) == 2
        )
    assert "end the name with one of these" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_recording_a_file_source_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, record = write_clip(tmp_path / "clip.mp4"), tmp_path / "r.mp4"
    for source in (str(clip), "scene:1"):
        assert main(["track", source, "--detector", "background", "--record", str(record)]) == 2
        assert "is there already; leave --record out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_frames_that_cannot_be_recorded_are_dropped_from_the_source() -> None:
    taken: list[float] = []
    calls = 0

    def tap(seconds: float, picture: Callable[[], UInt8]) -> bool:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            return False
        taken.append(seconds)
        return True

    with CameraSource(0, SourceConfig(stall=1.0, reconnect=0.0, end=0.5), FakeCamera()) as source:
        source.record(tap)
        frames: list[Frame] = []
        for frame in source:
            frames.append(frame)
            time.sleep(0.03)
    assert source.unrecorded == calls // 3 > 0
    assert source.dropped > 0
    assert [taken[frame.index] for frame in frames] == [frame.time for frame in frames]


def test_failed_recording_ends_the_source_with_its_reason(tmp_path: Path) -> None:
    def refuse() -> None:
        raise DataError("the disk is full.")

    frames = 0

    def run() -> None:
        nonlocal frames
        with CameraSource(0, QUICK, FakeCamera()) as source, Recorder(tmp_path / "r.mp4", source, refuse) as recorder:
            for _ in source:
                frames += 1
                recorder.begin()

    with pytest.raises(DataError, match="the disk is full"):
        run()
    assert frames >= 1
    assert not (tmp_path / "r.mp4").exists()


def test_queued_frames_are_recorded_before_tracking_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.recorder.QUEUE_BYTES", 0)
    camera = FakeCamera()
    with CameraSource(0, QUICK, camera) as source:
        with Recorder(tmp_path / "r.mp4", source) as recorder:
            frames = iter(source)
            next(frames)
            while recorder.frames < 20 and source.status.state != "ended":
                time.sleep(0.01)
            source.close()
        assert len(recorded(tmp_path / "r.mp4")) == recorder.frames == source.status.received
    assert np.all(np.diff([at for at, _ in recorded(tmp_path / "r.mp4")]) > 0)
