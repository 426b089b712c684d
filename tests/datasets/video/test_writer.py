"""Videos are really encoded and read back through PyAV, an independent path from FFmpeg's readers."""

from __future__ import annotations

import os
from pathlib import Path

import av
import av.error
import numpy as np
import pytest

from datasets.video.writer import HYBRID, VideoWriter
from models.errors import ConfigError, DataError
from tests.support.sound_video import (
    SUFFIXES,
    TOLERANCE,
    film,
    grey,
    picture,
    read,
    uneven,
    write,
)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["steady", "jitter", "bursty"])
@pytest.mark.parametrize("start", [0.0, 1e5])
def test_times_round_trip(tmp_path: Path, suffix: str, kind: str, start: float) -> None:
    path = tmp_path / f"out{suffix}"
    times = start + uneven(kind)
    write(path, times)
    got, pictures = read(path)
    assert len(got) == len(times)
    assert got[0] == 0
    tolerance = TOLERANCE.get(suffix, 0.00052)
    np.testing.assert_allclose(got, times - times[0], atol=tolerance, rtol=0)
    for k, bgr in enumerate(pictures):  # and each time has its own image
        assert abs(np.median(bgr) - grey(k)) < 6


def test_last_image_has_a_duration(tmp_path: Path) -> None:
    for suffix in (".mp4", ".mkv"):
        path = tmp_path / f"a{suffix}"
        write(path, [0.0, 0.1, 0.3])
        with av.open(str(path)) as container:
            assert container.duration == pytest.approx(500_000, abs=1000)
        write(path, [0.0, 0.1, 3.0], rate=10)
        with av.open(str(path)) as container:
            assert container.duration == pytest.approx(3_100_000, abs=1000)


@pytest.mark.parametrize(("suffix", "rate"), [(".mp4", 2400.0), (".mkv", 900.0), (".avi", 900.0)])
def test_high_speed_videos_keep_their_times(tmp_path: Path, suffix: str, rate: float) -> None:
    times = np.arange(120) / rate
    write(tmp_path / f"a{suffix}", times, rate=rate)
    got, _ = read(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(got, times, atol=1e-5 if suffix == ".mp4" else 0.0006)


@pytest.mark.parametrize(("suffix", "rate"), [(".avi", None), (".mkv", 2400.0), (".webm", None)])
def test_rates_beyond_the_container_are_refused(tmp_path: Path, suffix: str, rate: float | None) -> None:
    with pytest.raises(DataError, match=rf"more than 1000 pictures a second come at 0\.0\d+ s, and {suffix} holds"):
        write(tmp_path / f"a{suffix}", np.arange(120) / 2400, rate=rate)
    assert len(read(tmp_path / f"a{suffix}")[0]) > 2


def test_two_images_within_one_tick_keep_their_order(tmp_path: Path) -> None:
    times = [0.0, 1e-7, 2e-7, 1.0]
    write(tmp_path / "a.mp4", times)
    got, _ = read(tmp_path / "a.mp4")
    assert (np.diff(got) > 0).all()
    np.testing.assert_allclose(got, times, atol=3e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [(97, 64), (96, 65), (33, 51)])
def test_odd_sizes_are_padded_to_even(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    path = tmp_path / f"odd{suffix}"
    write(path, [0.0, 0.1], size, crf=10)
    _, pictures = read(path)
    height, width = pictures[0].shape[:2]
    assert (width, height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    kept = pictures[0][: size[1], : size[0]].astype(int)
    assert np.abs(kept - picture(0, size)).mean() < 6


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_portrait_and_single_image_videos_are_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"one{suffix}"
    write(path, [7.5], (64, 128))
    got, pictures = read(path)
    assert got.tolist() == [0.0]
    assert pictures[0].shape == (128, 64, 3)
    with av.open(str(path)) as container:
        assert getattr(next(container.decode(video=0)), "rotation", 0) == 0
        assert container.duration is not None
        assert container.duration > 0


def test_colours_round_trip(tmp_path: Path) -> None:
    """The conversion and the label on the stream agree, so no player shifts the colours."""
    bgr = np.zeros((64, 96, 3), np.uint8)
    bgr[:32, :48], bgr[:32, 48:], bgr[32:, :48], bgr[32:, 48:] = (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 160, 230)
    with VideoWriter(tmp_path / "c.mp4", crf=5) as writer:
        writer.write(bgr, 0.0)
    with av.open(str(tmp_path / "c.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (int(context.colorspace), int(context.color_range)) == (6, 1)
    _, pictures = read(tmp_path / "c.mp4")
    for y, x in ((16, 24), (16, 72), (48, 24), (48, 72)):
        assert np.abs(pictures[0][y, x].astype(int) - bgr[y, x]).max() < 8


@pytest.mark.parametrize(("preset", "cabac"), [("superfast", False), ("veryfast", True)])
def test_fast_presets_use_fast_entropy_coding(tmp_path: Path, preset: str, cabac: bool) -> None:
    write(tmp_path / "a.mp4", [0.0, 0.1], preset=preset)
    with av.open(str(tmp_path / "a.mp4")) as container:
        setup = container.streams.video[0].codec_context.extradata
    parameters = setup.index(b"\x68")  # the picture parameter set (ITU-T H.264, 7.3.2.2): two ids of one bit, the flag
    assert bool(setup[parameters + 1] & 0x20) == cabac


def test_no_image_writes_no_file(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "none.mp4")
    writer.close()
    writer.close()
    assert not list(tmp_path.iterdir())


def test_no_image_keeps_an_older_file(tmp_path: Path) -> None:
    path = tmp_path / "old.mp4"
    write(path, [0.0, 0.1])
    before = path.read_bytes()
    VideoWriter(path).close()
    assert path.read_bytes() == before


def test_shorter_video_replaces_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write(path, uneven("jitter"))
    write(path, [0.0, 0.1])
    fresh = tmp_path / "b.mkv"
    write(fresh, [0.0, 0.1])
    assert path.stat().st_size == fresh.stat().st_size


def test_closing_twice_is_safe_and_writing_after_is_refused(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4")
    writer.write(picture(0), 0.0)
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(picture(1), 1.0)


@pytest.mark.skipif(not HYBRID, reason="this FFmpeg cannot turn fragments into a plain file")
def test_finished_mp4_is_not_fragmented(tmp_path: Path) -> None:
    """Boxes of the file: no fragments left, one moov with the whole index, H.264 in 4:2:0: what browsers play."""
    path = tmp_path / "a.mp4"
    write(path, uneven("jitter"))
    data, at, boxes = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        boxes.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size
    assert boxes.count("moov") == 1
    assert "moof" not in boxes
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")


# Bad settings and images


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a.xyz", {}, r"\.mp4, .*\.webm"),
        ("a", {}, r"\.mp4"),
        ("no/such/a.mp4", {}, "make the folder"),
        ("a.avi", {"codec": "h264"}, "mpeg4"),
        ("a.webm", {"codec": "h264"}, "vp9"),
        ("a.mp4", {"codec": "h265"}, "h264 or vp9"),
        ("a.mp4", {"crf": 99}, "crf"),
        ("a.mp4", {"preset": "warp"}, "superfast"),
    ],
)
def test_bad_settings_are_refused(tmp_path: Path, name: str, options: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        VideoWriter(tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


def test_folder_as_video_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        VideoWriter(tmp_path / "a.mp4")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        VideoWriter(tmp_path / "a.mp4")


def test_writer_never_overwrites_the_source(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", "aac")
    before = (tmp_path / "film.mp4").read_bytes()
    (tmp_path / "link.mp4").symlink_to("film.mp4")
    for name in ("film.mp4", "link.mp4"):
        with pytest.raises(ConfigError, match="being read"):
            VideoWriter(tmp_path / name, sound=tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == before


def test_missing_encoder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installations without x264 (it is optional) write VP9, which browsers play as well; without any they say so."""
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    write(tmp_path / "a.mp4", uneven("jitter"))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")
    np.testing.assert_allclose(read(tmp_path / "a.mp4")[0], uneven("jitter") - uneven("jitter")[0], atol=1e-5)
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libvpx-vp9"})
    with pytest.raises(ConfigError, match="can encode none"):
        VideoWriter(tmp_path / "b.mp4")


def test_refused_images_leave_a_valid_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path) as writer:
        writer.write(picture(0), 0.0)
        writer.write(picture(1), 0.5)
        with pytest.raises(DataError, match=r"96x64.*own"):
            writer.write(picture(2, (64, 96)), 0.6)
        with pytest.raises(DataError, match="must increase"):
            writer.write(picture(2), 0.25)
    assert read(path)[0].tolist() == [0.0, 0.5]


def test_too_long_gap_is_refused(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.avi") as writer:
        writer.write(picture(0), 0.0)
        with pytest.raises(DataError, match=r"write \.mkv"):
            writer.write(picture(1), 90.0)
    write(tmp_path / "a.mkv", [0.0, 90_000.0])
    np.testing.assert_allclose(read(tmp_path / "a.mkv")[0], [0.0, 90_000.0], atol=0.001)
    write(tmp_path / "a.mp4", [0.0, 19_000.0])
    np.testing.assert_allclose(read(tmp_path / "a.mp4")[0], [0.0, 19_000.0], atol=0.001)
