"""Video files: presentation times, the chosen part, rotation, colours, settings."""

from __future__ import annotations

import shutil
import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.video_files import VideoFile
from models.errors import ConfigError, DataError, SourceError
from tests.support.striped_files import B_FRAMES, KINDS, expect, make, read
from tests.support.striped_video import UNEVEN_MS, encode
from tracker.protocols import Source


@pytest.mark.parametrize("name", KINDS)
def test_uneven_times_are_the_presentation_times(tmp_path: Path, name: str) -> None:
    assert read(make(tmp_path, name)) == expect(UNEVEN_MS)


@pytest.mark.parametrize("name", KINDS)
def test_time_starts_at_the_first_frame_wherever_the_file_starts(tmp_path: Path, name: str) -> None:
    assert read(make(tmp_path, name, [at + 7000 for at in UNEVEN_MS])) == expect(UNEVEN_MS)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("offset", [0, 7000])
def test_start_end_every_keep_numbers_and_times_of_the_whole_file(tmp_path: Path, name: str, offset: int) -> None:
    path = make(tmp_path, name, [at + offset for at in UNEVEN_MS])
    whole = read(path)
    for start in (0.0, 0.04, 0.041, 0.3, 1.4, 2.12, 2.38):
        assert read(path, SourceConfig(start=start)) == [row for row in whole if row[1] >= start]
    with pytest.raises(ConfigError, match="no frame is left from the start at 99 s"):
        read(path, SourceConfig(start=99.0))
    chosen = SourceConfig(start=0.2, end=2.08, every=3)
    assert read(path, chosen) == [row for row in whole if 0.2 <= row[1] < 2.08 and row[0] % 3 == 0]


def test_start_decodes_nothing_before_the_key_frame(tmp_path: Path) -> None:
    path = encode(tmp_path / "long.mp4", range(0, 400 * 40, 40), options={"g": "10", "bf": "2"})
    with open_source(str(path), SourceConfig(start=15.0)) as source:
        assert isinstance(source, VideoFile)
        decoded = 0
        plain = source._decode_packet

        def counting(*args: object) -> object:
            nonlocal decoded
            decoded += 1
            return plain(*args)  # type: ignore[arg-type]

        source._decode_packet = counting  # type: ignore[method-assign, assignment]
        assert [frame.index for frame in source] == list(range(375, 400))
    assert decoded < 60


@pytest.mark.parametrize(("codec", "options"), [("libx264", B_FRAMES), ("mpeg4", {"bf": "2"}), ("mjpeg", {})])
def test_avi_with_decoding_times_only_is_read_in_order(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = encode(tmp_path / "a.avi", range(20), codec, Fraction(1, 25), options, pix_fmt=pix_fmt)
    assert read(path) == expect([40 * k for k in range(20)])
    assert read(path, SourceConfig(start=0.3)) == expect([40 * k for k in range(20)])[8:]


def test_edit_list_hides_the_frames_before_it(tmp_path: Path) -> None:
    path = encode(tmp_path / "plain.mp4", [40 * k for k in range(25)], options={"g": "25", "bf": "0"})
    cut = tmp_path / "cut.mp4"
    with av.open(str(path)) as source, av.open(str(cut), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        first = round(0.2 / source.streams.video[0].time_base)  # type: ignore[operator]
        for packet in source.demux(video=0):
            if packet.dts is None:
                continue
            packet.pts, packet.dts = packet.pts - first, packet.dts - first  # type: ignore[operator]
            packet.stream = stream
            out.mux(packet)
    with av.open(str(cut)) as check:
        assert any(packet.is_discard for packet in check.demux(video=0))  # the file is what it should be
    shown = [(k, pytest.approx(0.04 * k, abs=1e-9), k + 5) for k in range(20)]
    assert read(cut) == shown
    assert read(cut, SourceConfig(start=0.4)) == shown[10:]


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rotation_and_mirroring_are_undone(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32] = (0, 0, 255), (0, 255, 0), (255, 0, 0)
    path = encode(tmp_path / "phone.mp4", [0, 40], rotation=(degrees, mirrored), pictures=[picture, picture])
    upright = np.rot90(picture, degrees // 90)  # np.rot90 and PyAV both count against the clock
    upright = upright[:, ::-1] if mirrored else upright
    with open_source(str(path)) as source:
        info, frame = source.info, next(iter(source))
    assert (info.width, info.height) == frame.size == (upright.shape[1], upright.shape[0])
    assert np.abs(frame.bgr.astype(int) - upright).mean() < 8
    if not mirrored:
        assert info.rotation == -degrees % 360


def test_rotation_in_the_track_header_agrees_with_the_ffmpeg_program(tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("no ffmpeg program here")
    import subprocess

    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32] = (0, 0, 255), (0, 255, 0), (255, 0, 0)
    path = encode(tmp_path / "phone.mp4", [0, 40], rotation=(90, False), pictures=[picture, picture])
    shot = tmp_path / "shot.png"
    command = [ffmpeg, "-v", "error", "-i", str(path), "-frames:v", "1", str(shot)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    seen = cv2.imread(str(shot))
    with open_source(str(path)) as source:
        frame = next(iter(source))
    assert np.abs(frame.bgr.astype(int) - seen).mean() < 4


@pytest.mark.parametrize(("colorspace", "full"), [("bt709", False), ("smpte170m", False), ("bt709", True)])
def test_colours_follow_the_colour_matrix_and_range_of_the_file(tmp_path: Path, colorspace: str, full: bool) -> None:
    colour = np.full((48, 64, 3), (40, 200, 90), np.uint8)  # blue, green, red
    with av.open(str(tmp_path / "c.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p" if full else "yuv420p"
        matrix = {"bt709": 1, "smpte170m": 6}[colorspace]  # ISO 23091-2
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1
        kr, kb = (0.2126, 0.0722) if colorspace == "bt709" else (0.299, 0.114)
        b, g, r = (float(v) / 255 for v in colour[0, 0])
        y = kr * r + (1 - kr - kb) * g + kb * b
        u, v = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
        luma, chroma = (255.0, 255.0) if full else (219.0, 224.0)
        planes = [y * luma + (0 if full else 16), u * chroma + 128, v * chroma + 128]
        data = np.concatenate([np.full(n, round(p), np.uint8) for n, p in zip((3072, 768, 768), planes, strict=True)])
        frame = av.VideoFrame.from_ndarray(data.reshape(72, 64), format="yuvj420p" if full else "yuv420p")
        frame.colorspace, frame.color_range, frame.pts = matrix, 2 if full else 1, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with open_source(str(tmp_path / "c.mp4")) as source:
        seen = next(iter(source)).bgr
    assert np.abs(seen.astype(int) - colour).max() <= 3


def test_file_info_is_read(tmp_path: Path) -> None:
    path = encode(tmp_path / "even.mp4", [40 * k for k in range(50)], sound=True)
    with open_source(str(path)) as source:
        assert isinstance(source, Source)
        info = source.info
    assert (info.name, info.width, info.height, info.frames, info.live) == ("even.mp4", 64, 48, 50, False)
    assert info.rate == pytest.approx(25, rel=0.05)
    assert info.duration == pytest.approx(1.96, abs=0.05)
    assert info.path == str(path)
    with open_source(str(path), SourceConfig(start=1.0, every=2)) as source:
        assert source.info.frames is not None
        assert abs(source.info.frames - len(list(source))) <= 1


def test_raw_streams_carry_no_times_and_need_a_rate(tmp_path: Path) -> None:
    path = encode(tmp_path / "raw.h264", range(20), "libx264", Fraction(1, 25), B_FRAMES)
    with pytest.raises(SourceError, match="carries no times; state its rate"):
        open_source(str(path))
    assert read(path, SourceConfig(rate=10)) == [(k, pytest.approx(k / 10), k) for k in range(20)]
    assert [row[0] for row in read(path, SourceConfig(rate=10, start=1.05))] == list(range(11, 20))
    jpegs = encode(tmp_path / "raw.mjpeg", range(9), "mjpeg", Fraction(1, 25), pix_fmt="yuvj420p", container="mjpeg")
    with pytest.raises(SourceError, match="carries no times"):
        open_source(str(jpegs))


def test_given_rate_or_times_file_overrides_the_times_of_the_video(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", UNEVEN_MS)
    assert [row[1] for row in read(path, SourceConfig(rate=5))] == pytest.approx([k / 5 for k in range(20)])
    times = tmp_path / "times.txt"
    times.write_text("\n".join(str(100 + k * k) for k in range(20)))
    assert [row[1] for row in read(path, SourceConfig(times=times))] == [float(k * k) for k in range(20)]
    assert [row[0] for row in read(path, SourceConfig(times=times, start=150))] == list(range(13, 20))
    times.write_text("\n".join(str(k) for k in range(12)))
    with pytest.raises(DataError, match=r"12 times, but a\.mp4 has more frames"):
        read(path, SourceConfig(times=times))
    times.write_text("\n".join(str(k) for k in range(30)))
    with pytest.raises(DataError, match=r"30 times, but a\.mp4 has 20 frames"):
        read(path, SourceConfig(times=times))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"every": 0}, "every is 0"),
        ({"start": -1.0}, "start is -1"),
        ({"start": float("nan")}, "start is nan"),
        ({"start": 5.0, "end": 5.0}, "leaves nothing"),
        ({"rate": 0.0}, "rate is 0"),
        ({"rate": float("inf")}, "rate is inf"),
        ({"rate": 5.0, "times": Path("t.csv")}, "only one"),
        ({"stall": 0.0}, "stall is 0"),
        ({"reconnect": -1.0}, "reconnect is -1"),
        ({"camera_width": 0}, "camera width is 0"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, settings: dict[str, object], words: str) -> None:
    path = encode(tmp_path / "a.mp4", [0, 40])
    with pytest.raises(ConfigError, match=words):
        open_source(str(path), SourceConfig(**settings))  # type: ignore[arg-type]


def test_iterating_twice_is_an_error_and_closing_is_safe(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", UNEVEN_MS)
    source = open_source(str(path))
    frames = iter(source)
    next(frames)
    with pytest.raises(SourceError, match="read already"):
        iter(source)
    source.close()
    source.close()
    assert list(frames) == []
    open_source(str(path)).close()


def test_closing_from_another_thread_ends_the_iteration(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", range(0, 4000, 4), options={"preset": "ultrafast"})
    for wait in (0.0, 0.002, 0.01, 0.03):
        source = open_source(str(path))
        timer = threading.Timer(wait, source.close)
        timer.start()
        count = sum(1 for _ in source)
        timer.join()
        assert count <= 1000


def test_nothing_is_written_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = encode(tmp_path / "a.mp4", UNEVEN_MS, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-300])
    (tmp_path / "t.mp4").write_text("no video")
    capfd.readouterr()
    with pytest.raises(SourceError):
        read(path)
    with pytest.raises(SourceError):
        open_source(str(tmp_path / "t.mp4"))
    assert capfd.readouterr() == ("", "")
