"""Video files that are cut, damaged, foreign, or hold something else than one video."""

from __future__ import annotations

import logging
import shutil
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from models.errors import DataError, SourceError
from tests.support.striped_files import expect, read
from tests.support.striped_video import MS, UNEVEN_MS, encode, number_of, sound_only, stripes


def test_missing_empty_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        open_source(str(tmp_path / "nowhere.mp4"))
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceError, match=r"empty\.mp4: the file is empty"):
        open_source(str(tmp_path / "empty.mp4"))
    for name in ("text.mp4", "text.txt", "text.nfo"):
        (tmp_path / name).write_text("Dear diary, today I recorded nothing at all.\n" * 50)
        with pytest.raises(SourceError, match=f"{name}: not a video"):
            open_source(str(tmp_path / name))
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(SourceError, match=r"noise\.mp4: not a video"):
        open_source(str(tmp_path / "noise.mp4"))


def test_file_with_sound_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no video in it, only audio"):
        open_source(str(sound_only(tmp_path / "song.mp4")))


def test_video_with_another_suffix_is_read(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", UNEVEN_MS)
    for name in ("a.txt", "a.avi", "a", "день 1 [x].bin"):
        shutil.copy(path, tmp_path / name)
        assert read(tmp_path / name) == expect(UNEVEN_MS)


def test_unfinished_mp4_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", UNEVEN_MS)
    data = path.read_bytes()
    assert data.find(b"moov") > data.find(b"mdat") > 0
    path.write_bytes(data[: data.find(b"moov") - 4])
    with pytest.raises(SourceError, match="never finished"):
        open_source(str(path))
    path.write_bytes(data[: data.find(b"mdat") + 200])
    with pytest.raises(SourceError, match="never finished"):
        open_source(str(path))


@pytest.mark.parametrize("name", ["front.mp4", "cut.mkv", "cut.webm", "cut.avi"])
def test_truncated_file_gives_its_good_frames_then_an_error(tmp_path: Path, name: str) -> None:
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    rng = np.random.default_rng(1)
    noisy = [
        np.clip(stripes(k).astype(int) + rng.integers(-25, 26, (48, 64, 3)), 0, 255).astype(np.uint8) for k in range(40)
    ]
    base = Fraction(1, 25)
    options = {"movflags": "faststart"} if name.endswith("mp4") else None
    path = encode(tmp_path / name, range(40), codec, base, {"g": "10", "bf": "0"}, noisy, container_options=options)
    whole = read(path)
    assert [row[0] for row in whole] == list(range(40))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    seen = []
    with (
        open_source(str(path)) as source,
        pytest.raises(SourceError, match=r"breaks off after \d+ frames \(\d+ of its"),
    ):
        seen.extend((frame.index, frame.time, number_of(frame.bgr)) for frame in source)
    assert 15 <= len(seen) < 32
    assert seen == whole[: len(seen)]
    part = read(path, SourceConfig(end=0.2))  # a part before the damage is read without an error
    assert part == whole[:5]


@pytest.mark.parametrize(
    ("name", "codec", "options", "lost"),
    [
        ("a.mkv", "ffv1", {"g": "1"}, {12}),
        ("a.avi", "libx264", {"g": "5", "bf": "2"}, None),
        ("a.mp4", "libx264", {"g": "5", "keyint_min": "5", "sc_threshold": "0", "bf": "0"}, {12, 13, 14}),
    ],
)
def test_damage_in_the_middle_loses_only_its_own_frames(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    codec: str,
    options: dict[str, str],
    lost: set[int] | None,
) -> None:
    path = encode(tmp_path / name, range(30), codec, Fraction(1, 25), options)
    with av.open(str(path)) as container:
        packet = [bytes(packet) for packet in container.demux(video=0) if packet.size][12]
    data = path.read_bytes()
    assert data.count(packet) == 1
    path.write_bytes(data.replace(packet, b"\xff" * len(packet)))
    with caplog.at_level(logging.WARNING):
        seen = read(path)
    assert "1 packets are damaged" in caplog.text
    if lost is not None:
        kept = [k for k in range(30) if k not in lost]
        assert {row[0] for row in seen} >= set(kept)  # frames that lean on the lost one may come out, wrong but there
        assert [row for row in seen if row[0] in kept] == [(k, pytest.approx(k / 25), k) for k in kept]
        # numbers are the same when the reading begins behind the damage
        assert read(path, SourceConfig(start=0.8)) == [row for row in seen if row[1] >= 0.8]
    else:
        assert seen[-1][2] == 29


def test_repeated_times_name_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "again.nut"
    with av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        stream.codec_context.time_base = MS
        packets = []
        for k in range(6):
            frame = av.VideoFrame.from_ndarray(stripes(k), format="bgr24")
            frame.pts, frame.time_base = 40 * k, MS
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet, at in zip(packets, [0, 40, 80, 80, 120, 160], strict=True):
            packet.pts = packet.dts = at
            packet.time_base = MS
            out.mux(packet)
    seen = []
    with pytest.raises(DataError, match=r"again\.nut frame 3: its time 0\.08"), open_source(str(path)) as source:
        seen.extend(frame.index for frame in source)
    assert seen == [0, 1, 2]
    assert len(read(path, SourceConfig(rate=25))) == 6


def test_size_change_inside_a_stream_is_reported(tmp_path: Path) -> None:
    parts = [
        encode(tmp_path / "small.ts", [0, 40, 80], options={"bf": "0"}),
        encode(
            tmp_path / "large.ts",
            [120, 160, 200],
            options={"bf": "0"},
            pictures=[stripes(k, (128, 96)) for k in range(3, 6)],
        ),
    ]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(SourceError, match=r"both\.ts frame 3 is 128x96 where the first frame is 64x48"):
        read(both)
    assert [row[2] for row in read(both, SourceConfig(resize=True))] == list(range(6))


def test_cover_images_are_not_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    plain = sound_only(tmp_path / "song.m4a").read_bytes()
    cover = cv2.imencode(".jpg", stripes(1))[1].tobytes()
    frame = b"APIC" + (len(cover) + 14).to_bytes(4, "big") + b"\0\0" + b"\0image/jpeg\0\x03\0" + cover
    size = len(frame)
    head = b"ID3\x03\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    adts = tmp_path / "song.aac"
    with av.open(str(adts), "w", format="adts") as out, av.open(str(tmp_path / "song.m4a")) as source:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    assert plain
    path.write_bytes(head + frame + adts.read_bytes())
    with av.open(str(path)) as check:
        assert len(check.streams.video) == 1  # FFmpeg calls the cover a video
    with pytest.raises(SourceError, match="there is no video in it, only audio"):
        open_source(str(path))
