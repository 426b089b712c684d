"""Videos are really encoded and read back through PyAV, an independent path from FFmpeg's readers."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
import pytest

from datasets.video_writer import CONTAINERS, HYBRID, VideoWriter
from models.errors import ConfigError, DataError, LiquidTrackError

SUFFIXES = tuple(CONTAINERS)
SIZE = (96, 64)
# Matroska, WebM and AVI count whole milliseconds; the rest counts 1/90000 s.
TOLERANCE = {".mp4": 1e-5, ".m4v": 1e-5, ".mov": 1e-5}


def grey(k: int) -> int:
    """Far from the greys of the pictures before and after."""
    return 20 + 37 * k % 200


def picture(k: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture that tells its number by its grey, with a moving bar for the encoder to do."""
    bgr = np.full((size[1], size[0], 3), grey(k), np.uint8)
    bgr[:, (7 * k) % size[0] :][:, :5] = (200, 60, 30)
    return bgr


def write(path: Path, times: Sequence[float], size: tuple[int, int] = SIZE, **options) -> None:
    with VideoWriter(path, **options) as writer:
        for k, time in enumerate(times):
            writer.write(picture(k, size), time)


def read(path: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return np.array([f.time for f in frames]), [f.to_ndarray(format="bgr24") for f in frames]


def read_damaged(path: Path) -> np.ndarray:
    """Times of the pictures up to the first one that the end of the file cut in two, as players show them."""
    times = []
    with av.open(str(path)) as container, contextlib.suppress(av.error.InvalidDataError):
        for frame in container.decode(video=0):
            times.append(frame.time)
    return np.array(times)


def uneven(kind: str, n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(3)
    if kind == "steady":
        gaps = np.full(n, 1 / 29.97)
    elif kind == "jitter":
        gaps = rng.uniform(0.004, 0.09, n)
    else:  # bursts with blackouts
        gaps = np.where(rng.random(n) < 0.1, rng.uniform(0.5, 4.0, n), 0.02)
    return np.cumsum(gaps)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["steady", "jitter", "bursty"])
@pytest.mark.parametrize("start", [0.0, 1e5])
def test_times_come_back(tmp_path: Path, suffix: str, kind: str, start: float) -> None:
    path = tmp_path / f"out{suffix}"
    times = start + uneven(kind)
    write(path, times)
    got, pictures = read(path)
    assert len(got) == len(times)
    assert got[0] == 0
    tolerance = TOLERANCE.get(suffix, 0.00052)
    np.testing.assert_allclose(got, times - times[0], atol=tolerance, rtol=0)
    for k, bgr in enumerate(pictures):  # and each time has its own picture
        assert abs(np.median(bgr) - grey(k)) < 6


def test_the_last_picture_lasts(tmp_path: Path) -> None:
    for suffix in (".mp4", ".mkv"):
        path = tmp_path / f"a{suffix}"
        write(path, [0.0, 0.1, 0.3])
        with av.open(str(path)) as container:
            assert container.duration == pytest.approx(500_000, abs=1000)
        write(path, [0.0, 0.1, 3.0], rate=10)
        with av.open(str(path)) as container:
            assert container.duration == pytest.approx(3_100_000, abs=1000)


def test_two_pictures_within_one_tick_keep_their_order(tmp_path: Path) -> None:
    times = [0.0, 1e-7, 2e-7, 1.0]
    write(tmp_path / "a.mp4", times)
    got, _ = read(tmp_path / "a.mp4")
    assert (np.diff(got) > 0).all()
    np.testing.assert_allclose(got, times, atol=3e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [(97, 64), (96, 65), (33, 51)])
def test_odd_sizes_lose_nothing(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    path = tmp_path / f"odd{suffix}"
    write(path, [0.0, 0.1], size, crf=10)
    _, pictures = read(path)
    height, width = pictures[0].shape[:2]
    assert (width, height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    kept = pictures[0][: size[1], : size[0]].astype(int)
    assert np.abs(kept - picture(0, size)).mean() < 6


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_portrait_and_a_single_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"one{suffix}"
    write(path, [7.5], (64, 128))
    got, pictures = read(path)
    assert got.tolist() == [0.0]
    assert pictures[0].shape == (128, 64, 3)
    with av.open(str(path)) as container:
        assert getattr(next(container.decode(video=0)), "rotation", 0) == 0
        assert container.duration is not None
        assert container.duration > 0


def test_colours_come_back(tmp_path: Path) -> None:
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
def test_quick_presets_code_their_bits_the_quick_way(tmp_path: Path, preset: str, cabac: bool) -> None:
    write(tmp_path / "a.mp4", [0.0, 0.1], preset=preset)
    with av.open(str(tmp_path / "a.mp4")) as container:
        setup = container.streams.video[0].codec_context.extradata
    parameters = setup.index(b"\x68")  # the picture parameter set (ITU-T H.264, 7.3.2.2): two ids of one bit, the flag
    assert bool(setup[parameters + 1] & 0x20) == cabac


def test_no_picture_no_file(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "none.mp4")
    writer.close()
    writer.close()
    assert not list(tmp_path.iterdir())


def test_no_picture_spares_an_older_file(tmp_path: Path) -> None:
    path = tmp_path / "old.mp4"
    write(path, [0.0, 0.1])
    before = path.read_bytes()
    VideoWriter(path).close()
    assert path.read_bytes() == before


def test_a_shorter_video_replaces_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write(path, uneven("jitter"))
    write(path, [0.0, 0.1])
    fresh = tmp_path / "b.mkv"
    write(fresh, [0.0, 0.1])
    assert path.stat().st_size == fresh.stat().st_size


def test_close_twice_and_write_after(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.mp4")
    writer.write(picture(0), 0.0)
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.write(picture(1), 1.0)


@pytest.mark.skipif(not HYBRID, reason="this FFmpeg cannot turn fragments into a plain file")
def test_a_finished_mp4_is_a_plain_one(tmp_path: Path) -> None:
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


# Sound


def film(path: Path, sound: str | None, seconds: float = 3.0, first: float = 0.0) -> None:
    """A film at 25 pictures a second whose pictures begin `first` seconds after its sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libvpx-vp9" if path.suffix == ".webm" else "libx264", rate=25)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        audio = container.add_stream(sound, rate=48000) if sound else None
        for k in range(round(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(picture(k), format="bgr24")
            frame.pts, frame.time_base = k + round(first * 25), Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is None:
            return
        wave = np.sin(np.arange(int(48000 * (seconds + first))) * 2 * np.pi * 440 / 48000).astype(np.float32)[None] / 3
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        context = audio.codec_context
        samples = {"libopus": 960, "libmp3lame": 1152}.get(sound or "", 1024)
        resampler = av.AudioResampler(context.format.name, context.layout.name, 48000, samples)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(audio.encode(piece))
        container.mux(audio.encode())


def packets(path: Path) -> list[tuple[float, str]]:
    """(time since the first picture, hash) of every packet of sound."""
    with av.open(str(path)) as container:
        zero = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        return [
            (float(p.pts * p.time_base) - zero, hashlib.sha256(bytes(p)).hexdigest())
            for p in container.demux(audio=0)
            if p.size
        ]


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
    assert start <= 3  # sound from before the first picture is left out, no more
    assert digests == everything[start:][: len(digests)]
    assert len(digests) >= len(everything) - start - 1
    np.testing.assert_allclose([t for t, _ in got], [t for t, _ in expected[start:]][: len(got)], atol=0.002)
    got_times, _ = read(tmp_path / f"out{suffix}")
    assert got_times[0] == 0
    np.testing.assert_allclose(got_times, times, atol=0.001)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_follows_a_part(tmp_path: Path, suffix: str) -> None:
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
def test_sound_that_the_container_does_not_take(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    film(tmp_path / "film.mp4", "aac")
    write(tmp_path / name, [0.0, 0.1, 0.2], sound=tmp_path / "film.mp4")
    with av.open(str(tmp_path / name)) as container:
        assert not container.streams.audio
    assert "is left out" in caplog.text
    assert len(read(tmp_path / name)[0]) == 3


def test_a_silent_source(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    film(tmp_path / "film.mp4", None)
    write(tmp_path / "out.mp4", [0.0, 0.1], sound=tmp_path / "film.mp4")
    assert not caplog.records
    assert len(read(tmp_path / "out.mp4")[0]) == 2


def test_sound_that_breaks_off(tmp_path: Path) -> None:
    """The source's file is cut short: pictures go on, sound ends."""
    film(tmp_path / "film.mkv", "libopus", seconds=4)
    data = (tmp_path / "film.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    write(tmp_path / "out.mp4", np.arange(100) / 25, sound=tmp_path / "cut.mkv")
    assert len(read(tmp_path / "out.mp4")[0]) == 100
    assert 10 < len(packets(tmp_path / "out.mp4")) < 190


# Kills and full disks

CHILD = """
import os, resource, signal, sys
import numpy as np
from datasets.video_writer import VideoWriter
from models.errors import LiquidTrackError
path, limit, sound = sys.argv[1], int(sys.argv[2]), sys.argv[3] or None
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
writer = VideoWriter(path, sound=sound, rate=25)
k = 0
try:
    for k in range(400):
        writer.write(rng.integers(0, 255, (64, 96, 3), np.uint8), k * 0.04)
        if k == 200 and not limit:
            os.kill(os.getpid(), signal.SIGKILL)
except LiquidTrackError as error:
    print(error)
    writer.close()
    writer.close()
    sys.exit(2)
"""


def child(path: Path, limit: int = 0, sound: Path | None = None) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", CHILD, str(path), str(limit), str(sound or "")]
    root = Path(__file__).parents[2]
    return subprocess.run(words, capture_output=True, text=True, cwd=root, timeout=60, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX signal")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("with_sound", [False, True])
def test_a_kill_leaves_what_was_written(tmp_path: Path, suffix: str, with_sound: bool) -> None:
    sound = None
    if with_sound:
        codec, source = ("libopus", ".webm") if suffix == ".webm" else ("libmp3lame", ".mp4")
        sound = tmp_path / f"film{source}"
        film(sound, codec, seconds=4)  # the sound ends long before the pictures do
    path = tmp_path / f"killed{suffix}"
    assert child(path, sound=sound).returncode == -signal.SIGKILL
    got = read_damaged(path)
    # 201 pictures (8 s) went in: the encoder keeps some, the container up to a second.
    assert len(got) >= 150
    np.testing.assert_allclose(got - got[0], np.arange(len(got)) * 0.04, atol=0.00052)
    if with_sound and suffix != ".avi":
        assert len(packets(path)) > 100


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_one_sentence(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"full{suffix}"
    done = child(path, limit=400_000)
    assert done.returncode == 2, done.stderr
    assert done.stdout.count("\n") == 1
    assert str(path) in done.stdout
    assert "Traceback" not in done.stderr
    got = read_damaged(path)
    assert len(got) >= 20
    np.testing.assert_allclose(got - got[0], np.arange(len(got)) * 0.04, atol=0.00052)


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_disk_that_fills_up_at_the_very_end(tmp_path: Path) -> None:
    """Whatever byte is the last that fits, an MP4 stays readable: the final index must not spoil the fragments."""
    code = CHILD.replace("range(400)", "range(50)").replace("except", "    writer.close()\nexcept", 1)
    whole = tmp_path / "whole.mp4"
    root = Path(__file__).parents[2]
    words = [sys.executable, "-c", code]
    subprocess.run([*words, str(whole), "0", ""], cwd=root, timeout=60, check=True)
    size = whole.stat().st_size
    for missing in (1, 200, 900, 1500):
        path = tmp_path / f"less{missing}.mp4"
        done = subprocess.run(
            [*words, str(path), str(size - missing), ""],
            cwd=root,
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, (missing, done.stderr)
        assert len(read_damaged(path)) >= 25, missing


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device(tmp_path: Path) -> None:
    path = tmp_path / "full.mkv"
    path.symlink_to("/dev/full")
    writer = VideoWriter(path)

    def fill() -> None:
        for k in range(200):
            writer.write(picture(k), k * 0.04)

    with pytest.raises(LiquidTrackError, match=r"full\.mkv: writing failed .*[Nn]o space left"):
        fill()
    writer.close()


# Bad settings and pictures


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
def test_bad_settings(tmp_path: Path, name: str, options: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        VideoWriter(tmp_path / name, **options)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        VideoWriter(tmp_path / "a.mp4")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        VideoWriter(tmp_path / "a.mp4")


def test_never_over_the_source(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", "aac")
    before = (tmp_path / "film.mp4").read_bytes()
    (tmp_path / "link.mp4").symlink_to("film.mp4")
    for name in ("film.mp4", "link.mp4"):
        with pytest.raises(ConfigError, match="being read"):
            VideoWriter(tmp_path / name, sound=tmp_path / "film.mp4")
    assert (tmp_path / "film.mp4").read_bytes() == before


def test_no_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installations without x264 (it is optional) write VP9, which browsers play as well; without any they say so."""
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    write(tmp_path / "a.mp4", uneven("jitter"))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")
    np.testing.assert_allclose(read(tmp_path / "a.mp4")[0], uneven("jitter") - uneven("jitter")[0], atol=1e-5)
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libvpx-vp9"})
    with pytest.raises(ConfigError, match="can encode none"):
        VideoWriter(tmp_path / "b.mp4")


def test_bad_pictures_leave_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path) as writer:
        writer.write(picture(0), 0.0)
        writer.write(picture(1), 0.5)
        with pytest.raises(DataError, match=r"96x64.*own"):
            writer.write(picture(2, (64, 96)), 0.6)
        with pytest.raises(DataError, match="must increase"):
            writer.write(picture(2), 0.25)
    assert read(path)[0].tolist() == [0.0, 0.5]


def test_a_gap_too_long(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.avi") as writer:
        writer.write(picture(0), 0.0)
        with pytest.raises(DataError, match=r"write \.mkv"):
            writer.write(picture(1), 90.0)
    write(tmp_path / "a.mkv", [0.0, 90_000.0])
    np.testing.assert_allclose(read(tmp_path / "a.mkv")[0], [0.0, 90_000.0], atol=0.001)
    write(tmp_path / "a.mp4", [0.0, 19_000.0])
    np.testing.assert_allclose(read(tmp_path / "a.mp4")[0], [0.0, 19_000.0], atol=0.001)
