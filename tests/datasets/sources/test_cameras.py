"""Cameras: a stand-in behind the class that OpenCV's capture has, since test machines have none."""

from __future__ import annotations

import threading
import time

import cv2
import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.sources.cameras import CameraSource, Capture
from datasets.sources.config import SourceConfig
from models.errors import ConfigError, SourceError
from tests.support.fake_camera import QUICK, FakeCamera
from tests.support.striped_video import number_of
from tracker.protocols import LiveSource, Source, SourceStatus


def test_frames_carry_their_capture_time() -> None:
    camera = FakeCamera()
    with CameraSource(3, QUICK, camera) as source:
        assert isinstance(source, Source)
        assert (source.info.name, source.info.live, source.info.rate) == ("camera 3", True, 100.0)
        assert (source.info.width, source.info.height) == (64, 48)
        frames = []
        for frame in source:
            frames.append(frame)
            if len(frames) == 20:
                break
    assert camera.number == 3
    zero = number_of(frames[0].bgr) - frames[0].index  # a slow machine misses the first frames, which count too
    for frame in frames:
        number = number_of(frame.bgr)
        assert frame.index == number - zero
        assert frame.time == pytest.approx(camera.grabbed[number] - camera.grabbed[zero], abs=0.005)
    assert camera.released == camera.opened == 1


def test_latest_frame_is_kept_and_dropped_frames_counted() -> None:
    camera = FakeCamera()
    with CameraSource(0, QUICK, camera) as source:
        frames = iter(source)
        seen = []
        for _ in range(4):
            seen.append(next(frames).index)
            time.sleep(0.1)
        assert source.dropped >= 4
        assert seen[-1] <= len(seen) + source.dropped
    assert (np.diff(seen) >= 1).all()


def test_grey_cameras_and_requested_sizes_are_supported() -> None:
    camera = FakeCamera(grey=True)
    config = SourceConfig(camera_width=640, camera_height=480, camera_rate=30.0)
    with CameraSource(0, config, camera) as source:
        assert next(iter(source)).bgr.shape == (48, 64, 3)
    assert camera.asked == {cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480, cv2.CAP_PROP_FPS: 30}


def test_unplugged_camera_gives_its_frames_then_an_error() -> None:
    seen: list[int] = []
    with (
        CameraSource(0, QUICK, FakeCamera((30,))) as source,
        pytest.raises(SourceError, match="camera 0 gives no more pictures"),
    ):
        seen.extend(frame.index for frame in source)
    assert len(seen) > 3


def test_reconnected_camera_continues_in_true_time() -> None:
    camera = FakeCamera((30, 0, 0, None))
    with CameraSource(0, SourceConfig(stall=1.0, reconnect=20.0), camera) as source:
        frames = []
        for frame in source:
            frames.append((frame.time, camera.grabbed[number_of(frame.bgr)]))
            if len(frames) == 60:
                break
        assert source.reconnects == 1
    assert camera.opened == camera.released == 4
    for time_, grabbed in frames:
        assert time_ - frames[0][0] == pytest.approx(grabbed - frames[0][1], abs=0.005)
    assert max(np.diff([time_ for time_, _ in frames])) > 0.5  # the back-off is in the times


def test_reconnect_pauses_stay_short() -> None:
    camera = FakeCamera((30, *12 * [0], None))
    source = CameraSource(0, SourceConfig(stall=1.0, reconnect=60.0), camera)
    pauses: list[float] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return source._stop.is_set()

    source._stop.wait = wait  # type: ignore[method-assign, assignment]
    with source:
        assert sum(1 for _ in zip(source, range(60), strict=False)) == 60
    assert len(pauses) == 13
    assert max(pauses) <= 1.0


def test_source_reports_its_status() -> None:
    seen: list[SourceStatus] = []
    back = threading.Event()

    class Unplugged(FakeCamera):
        def __call__(self, number: int) -> Capture:
            if self.opened:  # asked at the moment of an attempt to win it back
                seen.append(source.status)
                assert back.wait(timeout=30)
            return super().__call__(number)

    camera = Unplugged((30, None))
    with CameraSource(0, SourceConfig(stall=1.0, reconnect=60.0), camera) as source:
        assert isinstance(source, LiveSource)
        frames = iter(source)
        first = next(frames)
        running = source.status
        assert (running.state, running.reason, running.reconnects) == ("running", "", 0)
        assert running.received >= 1
        assert running.time >= first.time
        for _ in frames:
            if source.reconnects and source.status.state == "running":
                break
            back.set()
        again = source.status
        assert again.state == "running"
        assert again.reason == ""
        assert again.reconnects == 1
        assert again.received > running.received
        assert again.dropped == source.dropped
        assert again.rate > 0
    (lost,) = seen
    assert lost.state == "reconnecting"
    assert lost.silence > 0
    assert "camera 0 gives no more pictures" in lost.reason
    assert source.status.state == "ended"


def test_stalled_source_reports_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.sources.live.SILENT_S", 0.05)
    monkeypatch.setattr("datasets.sources.live.JOIN_S", 0.05)
    camera = FakeCamera(stuck_after=20)
    with CameraSource(0, SourceConfig(stall=60.0, reconnect=60.0), camera) as source:
        iter(source)
        while (status := source.status).state == "running":
            time.sleep(0.01)
        assert status.state == "silent"
        assert status.silence > 0.05
        camera.freed.set()


def test_hanging_driver_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.sources.live.BACK_OFF_S", (0.1,))
    monkeypatch.setattr("datasets.sources.live.JOIN_S", 0.05)
    camera = FakeCamera(stuck_after=20)
    with (
        CameraSource(0, SourceConfig(stall=0.3, reconnect=0.0), camera) as source,
        pytest.raises(SourceError, match="is stuck"),
    ):
        list(source)
    camera.freed.set()


def test_stalled_camera_can_be_closed_from_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.sources.live.JOIN_S", 0.05)
    camera = FakeCamera(stuck_after=10)
    source = CameraSource(0, SourceConfig(stall=60.0, reconnect=60.0), camera)
    threading.Timer(0.3, source.close).start()
    list(source)
    source.close()
    camera.freed.set()


def test_missing_camera_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    for spec in ("97", "/dev/video97"):
        with pytest.raises(SourceError, match=r"camera 97 cannot be opened; (this machine has|no camera is connected)"):
            open_source(spec, QUICK)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ConfigError, match="camera 0 has its own clock"):
        open_source("0", SourceConfig(rate=5))


def test_iterating_twice_is_an_error() -> None:
    with CameraSource(0, QUICK, FakeCamera()) as source:
        iter(source)
        with pytest.raises(SourceError, match="is being read already"):
            iter(source)
