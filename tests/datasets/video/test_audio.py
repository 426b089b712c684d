"""The source's sound is copied into the video, packet by packet, in time with its images."""

from __future__ import annotations

from pathlib import Path

import av
import av.error
import numpy as np
import pytest

from tests.support.sound_video import (
    film,
    packets,
    read,
    write,
)

PAIRS = [
    ("aac", ".mp4", ".mp4"),
    ("aac", ".mp4", ".mov"),
    ("aac", ".mp4", ".mkv"),
    ("libopus", ".webm", ".webm"),
    ("libopus", ".webm", ".mp4"),
    ("libopus", ".webm", ".mkv"),
    ("libmp3lame", ".mp4", ".mov"),
    ("pcm_s16le", ".mkv", ".mkv"),
]


@pytest.mark.parametrize(("codec", "source", "suffix"), PAIRS)
@pytest.mark.parametrize("first", [0.0, 0.4])
def test_sound_is_copied(tmp_path: Path, codec: str, source: str, suffix: str, first: float) -> None:
    film(tmp_path / f"film{source}", codec, first=first)
    times, _ = read(tmp_path / f"film{source}")
    times -= times[0]  # as a source counts
    write(tmp_path / f"out{suffix}", times, sound=tmp_path / f"film{source}", rate=25)
    expected = [(time, digest) for time, digest in packets(tmp_path / f"film{source}") if time > -0.03]
    got = packets(tmp_path / f"out{suffix}")
    digests = [d for _, d in got]
    everything = [d for _, d in expected]
    start = everything.index(digests[0])
    assert start <= 3  # sound from before the first image is left out, no more
    assert digests == everything[start:][: len(digests)]
    assert len(digests) >= len(everything) - start - 1
    np.testing.assert_allclose([t for t, _ in got], [t for t, _ in expected[start:]][: len(got)], atol=0.002)
    got_times, _ = read(tmp_path / f"out{suffix}")
    assert got_times[0] == 0
    np.testing.assert_allclose(got_times, times, atol=0.001)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_of_a_part_is_aligned(tmp_path: Path, suffix: str) -> None:
    """Only 1.2 s .. 2.2 s is written: the sound is that part's, at its place."""
    film(tmp_path / "film.mp4", "aac", seconds=4)
    times = np.arange(30, 55) / 25
    write(tmp_path / f"part{suffix}", times, sound=tmp_path / "film.mp4", rate=25)
    source = {digest: time for time, digest in packets(tmp_path / "film.mp4")}
    got = packets(tmp_path / f"part{suffix}")
    assert 45 <= len(got) <= 49  # 1 s in packets of 1024/48000 s
    for time, digest in got:
        assert time == pytest.approx(source[digest] - times[0], abs=0.0015)
    got_times, _ = read(tmp_path / f"part{suffix}")
    np.testing.assert_allclose(got_times, times - times[0], atol=0.001)


@pytest.mark.parametrize("name", ["out.webm", "out.avi"])
def test_sound_unsupported_by_the_container_is_reported(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    film(tmp_path / "film.mp4", "aac")
    write(tmp_path / name, [0.0, 0.1, 0.2], sound=tmp_path / "film.mp4")
    with av.open(str(tmp_path / name)) as container:
        assert not container.streams.audio
    assert "is left out" in caplog.text
    assert len(read(tmp_path / name)[0]) == 3


def test_source_without_sound_writes_no_sound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    film(tmp_path / "film.mp4", None)
    write(tmp_path / "out.mp4", [0.0, 0.1], sound=tmp_path / "film.mp4")
    assert not caplog.records
    assert len(read(tmp_path / "out.mp4")[0]) == 2


def test_truncated_sound_leaves_the_images(tmp_path: Path) -> None:
    """The source's file is cut short: images go on, sound ends."""
    film(tmp_path / "film.mkv", "libopus", seconds=4)
    data = (tmp_path / "film.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    write(tmp_path / "out.mp4", np.arange(100) / 25, sound=tmp_path / "cut.mkv")
    assert len(read(tmp_path / "out.mp4")[0]) == 100
    assert 10 < len(packets(tmp_path / "out.mp4")) < 190


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_of_a_transport_stream_gets_one_header_for_all_packets(tmp_path: Path, suffix: str) -> None:
    film(tmp_path / "film.ts", "aac")
    times, _ = read(tmp_path / "film.ts")
    write(tmp_path / f"out{suffix}", times - times[0], sound=tmp_path / "film.ts", rate=25)
    expected = [time for time, _ in packets(tmp_path / "film.ts") if time > -0.01]
    got = [time for time, _ in packets(tmp_path / f"out{suffix}")]
    assert len(got) > 100
    np.testing.assert_allclose(got, expected[: len(got)], atol=0.001)
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 3 * 48000 - 2048


def test_damaged_sound_leaves_the_images(tmp_path: Path) -> None:
    film(tmp_path / "film.ts", "aac")
    data = bytearray((tmp_path / "film.ts").read_bytes())
    for at in range(len(data) // 2 // 188 * 188, len(data), 188):
        if data[at + 1] & 0x1F == 1 and data[at + 2] == 1:  # the sound's packets
            data[at + 4 : at + 188] = bytes(184)
    (tmp_path / "film.ts").write_bytes(data)
    times = np.arange(75) / 25
    write(tmp_path / "out.mp4", times, sound=tmp_path / "film.ts", rate=25)
    got, _ = read(tmp_path / "out.mp4")
    np.testing.assert_allclose(got, times, atol=1e-5)
