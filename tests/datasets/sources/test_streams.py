"""Network sources against real servers on this machine: their times, their ends, their secrets."""

from __future__ import annotations

import logging
import socket
import threading
import time
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.credentials import secrets, strip_credentials
from datasets.sources.live import Live
from datasets.sources.streams import StreamClock, StreamFeed, StreamSource
from datasets.sources.video_files import VideoFile
from models.errors import ConfigError, SourceError
from tests.support.media_servers import RATE, Camera, http, rtsp
from tests.support.striped_video import UNEVEN_MS, encode, number_of
from tracker.types import Frame

QUICK = SourceConfig(stall=2.0, reconnect=0.0)


def take(source: Live, camera: Camera, count: int) -> list[tuple[Frame, float]]:
    """`count` frames, each with when it was taken, as its image tells; their times are checked against that."""
    rows: list[tuple[Frame, float]] = []
    for frame in source:
        taken = camera.taken(number_of(frame.bgr), before=time.monotonic())
        # between being taken and being here: no clock runs before the image, and none after our having it
        assert taken - 1e-3 <= source._zero + frame.time <= time.monotonic()
        rows.append((frame, taken))
        if len(rows) == count:
            break
    return rows


def test_rtsp_frames_carry_their_capture_time() -> None:
    with rtsp() as server, open_source(server.url(), QUICK) as source:
        assert isinstance(source, StreamSource)
        assert source.info.live
        assert (source.info.width, source.info.height) == (64, 48)
        rows = take(source, server.camera, 15)
    times = [frame.time for frame, _ in rows]
    assert times[0] == 0.0
    assert (np.diff(times) > 0).all()


def test_frame_numbers_count_dropped_frames_and_the_latest_is_kept() -> None:
    with rtsp() as server, open_source(server.url(), QUICK) as source:
        assert isinstance(source, StreamSource)
        frames = iter(source)
        first = next(frames)
        time.sleep(0.6)
        held = next(frames)
        newest = next(frames)
        assert source.dropped >= 5
        assert newest.index - first.index > source.dropped
        back = [number % 256 for number in reversed(server.camera.given)]
        steps = back.index(number_of(first.bgr)) - back.index(number_of(held.bgr))
        assert held.index - first.index == steps


def test_start_end_and_every_apply_to_a_stream() -> None:
    config = SourceConfig(stall=2.0, reconnect=0.0, start=0.2, end=0.8, every=3)
    with rtsp() as server, open_source(server.url(), config) as source:
        frames = list(source)
    assert frames
    assert all(frame.index % 3 == 0 and 0.2 <= frame.time < 0.8 for frame in frames)


def test_interrupted_stream_gives_its_frames_then_an_error() -> None:
    with rtsp(frames=(40,)) as server, open_source(server.url(), QUICK) as source:
        seen = []
        with pytest.raises(SourceError, match=r"rtsp://127\.0\.0\.1:\d+/street: the stream .*not won back in 0 s"):
            seen.extend(frame.index for frame in source)
        assert len(seen) >= 5
        assert list(source._frames()) == []  # type: ignore[union-attr]


@pytest.mark.parametrize("stall", [False, True])
def test_reconnected_stream_keeps_true_times_across_the_gap(stall: bool, caplog: pytest.LogCaptureFixture) -> None:
    config = SourceConfig(stall=1.0, reconnect=20.0)
    with rtsp(frames=(60, None), stall=stall, away=0.3) as server, open_source(server.url(), config) as source:
        assert isinstance(source, StreamSource)
        with caplog.at_level(logging.WARNING):
            rows = take(source, server.camera, 60 + 20)  # more than the first connection can give
        assert source.reconnects == 1
        assert server.plays == 2
    gaps = [(later.time - frame.time, moment - taken) for (frame, taken), (later, moment) in pairwise(rows)]
    gap, true = max(gaps)
    assert true >= 0.3
    assert gap >= 0.3
    assert "trying again" in caplog.text
    assert "connected again" in caplog.text


def test_reconnecting_ends_after_its_timeout(caplog: pytest.LogCaptureFixture) -> None:
    config = SourceConfig(stall=1.0, reconnect=1.0)
    with rtsp(frames=(40,), away=1e9) as server, open_source(server.url(), config) as source:
        with caplog.at_level(logging.WARNING), pytest.raises(SourceError, match="not won back in 1 s"):
            list(source)
        assert server.refused >= 1


def test_closing_a_stalled_stream_ends_the_iteration() -> None:
    config = SourceConfig(stall=2.0, reconnect=20.0)
    with rtsp(frames=(40,), stall=True) as server:
        source = open_source(server.url(), config)
        threading.Timer(2.0, source.close).start()
        frames = list(source)
        assert frames
        source.close()


def test_credentials_reach_the_server_only(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    word = "s3cr3t%2Fpw"
    av.logging.set_level(av.logging.TRACE)
    try:
        with caplog.at_level(1), rtsp(credentials="bob:s3cr3t/pw", frames=(40,)) as server:
            for name in ("libav", "libav.rtsp", "libav.tcp"):
                caplog.set_level(1, name)
            source = open_source(server.url(f"bob:{word}", "?token=abc123xyz"), QUICK)
            assert source.info.name == server.url()
            with pytest.raises(SourceError) as died:
                list(source)
            with pytest.raises(SourceError, match="401 Unauthorized") as refused:
                open_source(server.url("bob:wr0ngpw", "?token=abc123xyz"), QUICK)
    finally:
        av.logging.set_level(None)
    assert any(record.name.startswith("libav") for record in caplog.records)  # they were turned on
    out, err = capfd.readouterr()
    for text in (caplog.text, str(died.value), str(refused.value), out, err):
        for secret in ("s3cr3t", "wr0ngpw", "abc123xyz", "Ym9iOn"):
            assert secret not in text


def test_credentials_are_stripped_from_addresses() -> None:
    address = "rtsp://us%20er:p@ss:word@[::1]:554/a/b?user=x&password=hunter2#frag"
    assert strip_credentials(address) == "rtsp://[::1]:554/a/b"
    assert {"p@ss:word", "hunter2", "us%20er:p@ss:word"} <= secrets(address)
    assert secrets("http://host/path") == frozenset()


@pytest.mark.parametrize(
    "spec",
    [
        "rtsp:/bob:s3cret@host/x",
        "rtsp://bob:s3cret@[nonsense/x",
        "gibberish://bob:s3cret@127.0.0.1:1/x",
        "bob:s3cret@host",
    ],
)
def test_mistyped_addresses_reveal_no_secrets(spec: str) -> None:
    with pytest.raises(SourceError) as wrong:
        open_source(spec, QUICK)
    assert "s3cret" not in str(wrong.value)


def test_refused_connection_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for scheme in ("rtsp", "http"):
        with pytest.raises(
            SourceError, match=rf"{scheme}://127\.0\.0\.1:{port}/x: it cannot be opened \(Connection refused\)"
        ):
            open_source(f"{scheme}://u:p@127.0.0.1:{port}/x", QUICK)


def test_stream_refuses_a_given_rate() -> None:
    with rtsp() as server, pytest.raises(ConfigError, match="has its own clock"):
        open_source(server.url(), SourceConfig(rate=25))


def test_http_recording_by_ranges_is_a_file_with_its_own_times(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(60)]
    options = {"g": "10", "bf": "2", "qp": "1"}
    encode(tmp_path / "clip.mp4", [40 * k for k in range(60)], options=options, pictures=noise)
    encode(tmp_path / "uneven.mp4", UNEVEN_MS)
    with http(folder=tmp_path) as server:
        with open_source(server.url("uneven.mp4", "me:pw12"), QUICK) as source:
            assert isinstance(source, VideoFile)
            assert not source.info.live
            assert source.info.name == server.url("uneven.mp4")
            assert source.info.path is None
            assert [frame.time for frame in source] == pytest.approx([at / 1000 for at in UNEVEN_MS])
        server.ranges.clear()
        with open_source(server.url("clip.mp4"), SourceConfig(start=2.0)) as source:
            assert [frame.index for frame in source] == list(range(50, 60))
        assert any(asked != "bytes=0-" for asked in server.ranges)
        with pytest.raises(SourceError, match="404 Not Found"):
            open_source(server.url("other.mp4"), QUICK)
        (tmp_path / "text.mp4").write_text("no video " * 100)
        with pytest.raises(SourceError, match="not a video"):
            open_source(server.url("text.mp4"), QUICK)


def test_interrupted_http_recording_is_an_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(60)]
    path = encode(
        tmp_path / "clip.mp4",
        [40 * k for k in range(60)],
        options={"qp": "1", "bf": "0"},
        pictures=noise,
        container_options={"movflags": "faststart"},
    )
    with http(folder=tmp_path, broken_at=path.stat().st_size // 2) as server:
        source = open_source(server.url("clip.mp4"), QUICK)
        seen = []
        with pytest.raises(SourceError, match=r"breaks off after \d+ frames"):
            seen.extend(frame.index for frame in source)
    assert len(seen) > 10
    assert seen == list(range(len(seen)))


@pytest.mark.parametrize("path", ["live.ts", "cam.mjpg"])
def test_endless_http_streams_are_live(path: str) -> None:
    with http() as server, open_source(server.url(path), QUICK) as source:
        assert isinstance(source, StreamSource)
        rows = take(source, server.camera, 15)
        assert (np.diff([frame.time for frame, _ in rows]) > 0).all()


def test_http_segments_are_a_recording(tmp_path: Path) -> None:
    encode(
        tmp_path / "list.m3u8",
        UNEVEN_MS,
        options={"g": "5", "bf": "0"},
        container="hls",
        container_options={"hls_time": "0.5", "hls_list_size": "0"},
    )
    with http(folder=tmp_path) as server, open_source(server.url("list.m3u8"), QUICK) as source:
        assert isinstance(source, VideoFile)
        frames = [(frame.time, number_of(frame.bgr)) for frame in source]
    assert frames == [(pytest.approx(at / 1000), k) for k, at in enumerate(UNEVEN_MS)]


def test_buffered_frames_are_not_dated_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.ts", [40 * k for k in range(30)], options={"tune": "zerolatency"})
    now = 100.0
    monkeypatch.setattr("datasets.sources.streams.time.monotonic", lambda: now)
    with av.open(str(path)) as container:

        class Slow:
            """The container of a connection: 12 packets lie in a buffer, the others come one by one."""

            format, streams, close = container.format, container.streams, container.close

            def demux(self, stream: object) -> object:
                nonlocal now
                for k, packet in enumerate(container.demux(video=0)):
                    now += 1e-4 if k < 12 else 0.04
                    yield packet

        feed = StreamFeed(Slow(), "a", stall=5.0)  # type: ignore[arg-type]
        rows = [feed.read() for _ in range(10)]
    assert [number_of(frame.to_ndarray(format="bgr24")) for _, frame in rows] == list(range(12, 22))
    assert np.diff([moment for moment, _ in rows]) == pytest.approx(0.04)


def test_stream_clock_smooths_network_jitter() -> None:
    rng = np.random.default_rng(0)
    taken = 1000 + np.arange(3000) / RATE
    delay = 0.02 + rng.exponential(0.02, 3000)
    for begin in (500, 1200, 2100):  # for a second nothing comes, then all at once
        held = (taken > taken[begin]) & (taken < taken[begin] + 1.0)
        delay[held] = taken[begin] + 1.0 - taken[held] + delay[held] / 10
    arrival = np.maximum.accumulate(taken + delay) + np.arange(3000) * 1e-6
    stream = (taken - 1000) * (1 - 5e-5) + 77.7  # their quartz runs a little slower
    clock = StreamClock()
    moment = np.array([clock.moment(float(s), float(a)) for s, a in zip(stream, arrival, strict=True)])
    assert (np.diff(moment) > 0).all()
    assert (moment <= arrival).all()

    def error(times: np.ndarray) -> float:
        return float(np.abs(np.diff(times) - np.diff(taken))[50:].mean())

    assert error(moment) < error(arrival) / 5


def test_stream_clock_survives_a_restart() -> None:
    clock = StreamClock()
    stream = [5.0, 5.04, 5.08, 0.0, 0.04, 0.08, 500.0, 500.04]
    arrival = [10.0, 10.04, 10.08, 10.12, 10.16, 10.20, 10.24, 10.28]
    moments = [clock.moment(s, a) for s, a in zip(stream, arrival, strict=True)]
    assert moments == pytest.approx(arrival, abs=1e-3)
    assert [StreamClock().moment(None, a) for a in arrival] == arrival
