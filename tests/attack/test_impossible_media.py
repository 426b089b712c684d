"""Media that no camera makes: huge, endless, of absurd rates and times, or no video at all."""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
import pytest

from tests.attack.harness import assert_answered, attack, kept
from tests.support.encoders import written
from tests.support.striped_video import encode, stripes

TRACK = ("--detector", "none", "--quiet", "--jsonl", "out.jsonl")


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".avi", ".mp4", ".flv", ".h264"])
@pytest.mark.parametrize("command", ["track", "info"])
def test_video_padded_with_20_gb_of_zeros_ends(tmp_path: Path, suffix: str, command: str) -> None:
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    encode(tmp_path / f"a{suffix}", [40 * k for k in range(12)], codec)
    os.truncate(tmp_path / f"a{suffix}", 20_000_000_000)
    words = [command, f"a{suffix}", "--rate", 25, *(TRACK if command == "track" else ())]
    assert_answered(attack(words, cwd=tmp_path), (0, 2), more_lines=True)


@pytest.mark.parametrize(
    "name", ["/dev/zero", "/dev/full", "zero.mp4", "zero.png", "huge.png", "zeros/*.jpg", "socket"]
)
def test_endless_and_special_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "zeros").mkdir()
    for link in ("zero.mp4", "zero.png", "zeros/1.jpg"):
        (tmp_path / link).symlink_to("/dev/zero")
    (tmp_path / "huge.png").touch()
    os.truncate(tmp_path / "huge.png", 20_000_000_000)
    os.mknod(tmp_path / "socket", 0o140600)
    assert_answered(attack(["track", name, *TRACK], cwd=tmp_path))
    assert_answered(attack(["info", name], cwd=tmp_path))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".gif", ".apng", ".mov"])
def test_images_with_huge_declared_sizes_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix in (".png", ".jpg", ".bmp"):
        cv2.imwrite(str(path), stripes(7))
    else:
        written(tmp_path, suffix, "png" if suffix == ".mov" else suffix[1:])
    data = bytearray(path.read_bytes())
    for header in (at for at in range(len(data)) if data[at : at + 4] == b"IHDR"):
        data[header + 4 : header + 12] = (30_000).to_bytes(4, "big") * 2
        data[header + 17 : header + 21] = crc32(data[header : header + 17]).to_bytes(4, "big")
    if suffix == ".jpg":
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = b"\x75\x30\x75\x30"
    elif suffix == ".bmp":
        data[18:26] = (30_000).to_bytes(4, "little") * 2
    elif suffix == ".gif":
        data[6:10] = b"\x30\x75\x30\x75"
    path.write_bytes(data)
    assert_answered(attack(["track", path.name, *TRACK], cwd=tmp_path), (0, 2), more_lines=True)


RATES = ["1e-308", "1e308", "5e-324", "0", "-1", "nan", "inf", "-inf", "1e7", "1e-7"]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("command", ["track", "info"])
def test_impossible_frame_rates_are_refused(tmp_path: Path, rate: str, command: str) -> None:
    encode(tmp_path / "a.mp4", [0, 40, 80])
    words = [command, "a.mp4", "--rate", rate, *((*TRACK, "--video", "out.mp4") if command == "track" else ())]
    assert_answered(attack(words, cwd=tmp_path), says="rate is")
    assert not (tmp_path / "out.mp4").exists()


TIMES = {
    "huge": "0\n1e304\n2e304\n",
    "subnormal": "0\n1e-320\n2e-320\n",
    "opposite": "-1e308\n0\n1e308\n",
    "falling": "0\n2\n1\n",
    "few": "0\n1\n",
    "many": "\n".join(map(str, range(99))),
    "words": "one\ntwo\nthree\n",
    "nothing": "",
    "binary": "\0\1\2" * 99,
    "long": "1" * 5_000_000,
    "columns": "frame,time\n1,0\n3,1\n2,2\n",
}


@pytest.mark.parametrize("name", TIMES)
def test_impossible_times_are_refused(tmp_path: Path, name: str) -> None:
    encode(tmp_path / "a.mp4", [0, 40, 80])
    (tmp_path / "times.txt").write_text(TIMES[name])
    assert_answered(attack(["track", "a.mp4", "--times", "times.txt", *TRACK], cwd=tmp_path), more_lines=True)


CONTENTS = {
    "text": b"no video\n" * 999,
    "zip": b"PK\x03\x04" + bytes(9999),
    "program": b"\x7fELF\x02\x01\x01" + bytes(9999),
    "page": b"<!doctype html><html>" * 99,
    "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n/etc/passwd\n#EXT-X-ENDLIST\n",
    "playlist of itself": b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.mp4\n#EXT-X-ENDLIST\n",
    "list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "session": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "one byte": b"\0",
    "zeros": bytes(99_999),
    "noise": np.random.default_rng(0).bytes(99_999),
    "box": b"\0\0\0\x18ftypmp42",
    "box of 2^64": b"\0\0\0\1moov" + b"\xff" * 8,
    "boxes": b"\0\0\0\x08free" * 99_999,
    "nested": b"".join((16 + 8 * k).to_bytes(4, "big") + b"moov" for k in range(9999, 0, -1)),
    "riff": b"RIFF\xff\xff\xff\xffAVI LIST" + b"\xff" * 999,
    "ebml": b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff" + bytes(99),
    "ogg": b"OggS" + b"\xff" * 999,
}


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("command", ["track", "info"])
def test_file_that_is_no_video_is_refused(tmp_path: Path, name: str, command: str) -> None:
    (tmp_path / "a.mp4").write_bytes(CONTENTS[name])
    with kept(tmp_path / "a.mp4"):
        assert_answered(attack([command, "a.mp4", *(TRACK if command == "track" else ())], cwd=tmp_path))
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("fault", ["deleted", "empty", "other size", "text", "folder", "device", "link to itself"])
def test_vanished_image_is_reported(tmp_path: Path, fault: str) -> None:
    (tmp_path / "pictures").mkdir()
    for k in range(6):
        cv2.imwrite(str(tmp_path / "pictures" / f"{k}.png"), stripes(k))
    bad = tmp_path / "pictures" / "4.png"
    os.mkfifo(tmp_path / "pictures" / "5.jpg")  # pipes and folders of such a name are no images
    bad.unlink()
    match fault:
        case "empty":
            bad.touch()
        case "other size":
            cv2.imwrite(str(bad), stripes(4, (80, 60)))
        case "text":
            bad.write_text("no picture")
        case "folder":
            bad.mkdir()
        case "device":
            bad.symlink_to("/dev/zero")
        case "link to itself":
            bad.symlink_to(bad.name)
    gone = fault in ("deleted", "folder", "device", "link to itself")
    answer = attack(["track", "pictures", "--rate", 25, *TRACK], cwd=tmp_path)
    assert_answered(answer, 0 if gone else 2, says=() if gone else "4.png", more_lines=True)
    assert (tmp_path / "out.jsonl").read_bytes().count(b'"frame"') == (5 if gone else 4)
