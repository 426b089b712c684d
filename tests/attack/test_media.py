"""Damaged videos of every container and codec that PyAV writes, and videos that change while they are read.

Most are read within this process (open, all frames, `info`), a few milliseconds each; a choice goes through the
command line.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from zlib import crc32

import av
import cv2
import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.images import read_picture
from models.errors import LiquidTrackError
from tests.attack.harness import assert_answered, attack, kept, start
from tests.support.striped_video import encode, stripes
from tools.track.config.source_info import InfoConfig
from tools.track.source_info import gather, text

CIF = (176, 144)  # the size that H.261 and H.263 know
CODECS = {  # by container
    ".mkv": "ffv1 jpeg2000 libsvtav1 libvpx libx264 libx265 mpeg2video msmpeg4 prores rawvideo snow",
    ".mov": "cfhd cinepak gif h263 magicyuv png qtrle rpza sgi svq1 targa tiff v210 v308 v408 v410 y41p",
    ".mp4": "libsvtav1 libvpx-vp9 libx264 libx265 mpeg1video mpeg4 png",
    ".avi": "amv asv1 asv2 cljr ffvhuff flashsv flv h261 huffyuv jpegls libx264 mpeg4 msmpeg4v2 msvideo1 speedhq"
    " utvideo wmv1 wmv2 zlib",
    ".nut": "h263p libx264 mpeg4",
    ".ts": "libx264 libx265 mpeg2video mpeg4",
    ".mpg": "mpeg1video mpeg2video",
    ".flv": "flashsv2 flv libx264",
    ".webm": "libvpx libvpx-vp9",
    ".mxf": "libx264 mpeg2video prores_ks",
    ".asf": "msmpeg4v2 wmv2",
    ".rm": "rv10 rv20",
    ".3gp": "h263",
    ".ogv": "libvpx",
    ".ivf": "libvpx-vp9",
    ".gif": "gif",
    ".apng": "apng",
    ".roq": "roqvideo",
    ".swf": "flv",
    ".h261": "h261",
    ".m2v": "mpeg2video",
    ".h264": "libx264",
}
PAIRS = [(suffix, codec) for suffix, codecs in CODECS.items() for codec in codecs.split()]
FORMATS = {".mpg": "mpeg", ".ogv": "ogg", ".m2v": "mpeg2video"}
ANY_RATE = SourceConfig(rate=25.0)  # some of them carry no times


def flip(data: bytes, rng: np.random.Generator, bits: int) -> bytes:
    """`data` with so many random bits turned."""
    spoiled = bytearray(data)
    for at in rng.integers(0, 8 * len(data), bits):
        spoiled[at // 8] ^= 1 << (at % 8)
    return bytes(spoiled)


def garbage(data: bytes, rng: np.random.Generator) -> bytes:
    """The first half and as much noise."""
    return data[: len(data) // 2] + rng.bytes(len(data) // 2)


def hole(data: bytes, rng: np.random.Generator) -> bytes:
    """A third of zeros in the middle."""
    third = len(data) // 3
    return data[:third] + bytes(third) + data[2 * third :]


def doubled(data: bytes, rng: np.random.Generator) -> bytes:
    """The file, and itself once more behind it, out of step."""
    return data + data[7:]


def head_alone(data: bytes, rng: np.random.Generator) -> bytes:
    """Nothing behind the first 100 bytes but zeros."""
    return data[:100] + bytes(len(data))


FAULTS: list[Callable[[bytes, np.random.Generator], bytes]] = [
    *(lambda data, rng, bits=bits: flip(data, rng, bits) for bits in (1, 3, 10, 30, 100, 1000)),
    *(lambda data, rng, share=share: data[: int(share * len(data))] for share in (0.05, 0.5, 0.97)),
    garbage,
    hole,
    doubled,
    head_alone,
]


def written(folder: Path, suffix: str, codec: str) -> Path:
    """A clip of eight pictures, or a skipped test where this PyAV cannot write it."""
    try:
        known = av.Codec(codec, "w").video_formats or []
    except ValueError:
        pytest.skip(f"this PyAV has no encoder {codec}")
    formats = [form.name for form in known]
    size = CIF if codec in ("h261", "h263") else (64, 48)
    return encode(
        folder / f"a{suffix}",
        range(8),
        codec,
        Fraction(1, 25),
        {"preset": "12"} if codec == "libsvtav1" else {},
        [stripes(k, size) for k in range(8)],
        "yuv420p" if "yuv420p" in formats or not formats else formats[0],
        container=FORMATS.get(suffix),
    )


def one_sentence(error: LiquidTrackError, path: Path) -> None:
    """Asserts that an error names the file and is one sentence."""
    said = str(error)
    assert path.name in said
    assert "\n" not in said
    assert said.endswith(".")


def answered(path: Path, config: SourceConfig = ANY_RATE) -> None:
    """Asserts that reading and describing a file give frames, or errors of one sentence."""

    def frames() -> None:
        with open_source(path, config) as source:
            last = -1.0
            for frame in source:
                assert frame.time > last
                last = frame.time

    for read in (frames, lambda: text(gather(InfoConfig(str(path), reading=config)))):
        try:
            read()
        except LiquidTrackError as error:
            one_sentence(error, path)


@pytest.mark.parametrize(("suffix", "codec"), PAIRS)
def test_damaged_videos_give_frames_or_a_sentence(tmp_path: Path, suffix: str, codec: str) -> None:
    path = written(tmp_path, suffix, codec)
    whole, rng = path.read_bytes(), np.random.default_rng(list((suffix + codec).encode()))
    with open_source(path, ANY_RATE) as source:
        assert sum(1 for _ in source) == 8
    for k, fault in enumerate(FAULTS):
        path.write_bytes(fault(whole, rng))
        answered(path, ANY_RATE if k % 3 else SourceConfig(rate=25.0, start=0.15))


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".mp4", ".avi", ".ts", ".mpg", ".flv", ".webm", ".gif", ".h264"])
def test_a_wrong_suffix_alone_changes_nothing(tmp_path: Path, suffix: str) -> None:
    codec = CODECS[suffix].split()[-1]
    path = written(tmp_path, suffix, codec)
    for other in (*CODECS, ".txt", ".m3u8", ".mpd", ".concat", ".sdp", ".jpg.mp4", ""):
        given = path.with_name(f"b{other}")
        shutil.copy(path, given)
        with open_source(given, ANY_RATE) as source:
            assert sum(1 for _ in source) == 8, other


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("suffix", "codec"), PAIRS)
def test_many_more_damaged_videos(tmp_path: Path, suffix: str, codec: str, seed: int) -> None:
    path = written(tmp_path, suffix, codec)
    whole, rng = path.read_bytes(), np.random.default_rng(seed)
    for _ in range(40):
        path.write_bytes(flip(whole, rng, int(rng.choice([1, 5, 20, 200]))))
        answered(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp", ".ppm", ".jp2"])
def test_damaged_pictures_give_a_picture_or_a_sentence(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), stripes(77))
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(2):
        for fault in FAULTS:
            path.write_bytes(fault(whole, rng))
            try:
                assert read_picture(path).ndim == 3
            except LiquidTrackError as error:
                one_sentence(error, path)


TRACK = ("--detector", "none", "--quiet", "--jsonl", "out.jsonl")


@pytest.mark.parametrize("fault", [None, *FAULTS[1:10:2], hole], ids=["whole", *"abcde", "hole"])
@pytest.mark.parametrize("suffix", [".ts", ".mp4", ".mkv"])
def test_damaged_sound_and_pictures_from_the_command_line(
    tmp_path: Path, suffix: str, fault: Callable[[bytes, np.random.Generator], bytes] | None
) -> None:
    path = encode(tmp_path / f"a{suffix}", [40 * k for k in range(12)], sound=True)
    if fault is not None:
        path.write_bytes(fault(path.read_bytes(), np.random.default_rng(3)))
    with kept(path):
        words = ["track", path.name, *TRACK, "--video", "out.mp4"]
        assert_answered(attack(words, cwd=tmp_path), (0, 2) if fault else 0, more_lines=True)


def test_a_stream_that_turns_up_on_the_way(tmp_path: Path) -> None:
    """A transport stream whose later table of contents names one more stream (PyAV does not expect it)."""
    path = encode(tmp_path / "a.ts", [40 * k for k in range(40)])
    packets = [bytearray(path.read_bytes()[k : k + 188]) for k in range(0, path.stat().st_size, 188)]
    tables = [packet for packet in packets if packet[:3] == b"\x47\x50\x00"]
    assert len(tables) >= 2, "the table is repeated"
    for packet in tables[1:]:
        section = bytearray(packet[5 : 5 + 3 + packet[7]])
        section[-4:] = b"\x0f\xe1\x05\xf0\x00" + bytes(4)  # AAC in packets of number 0x105
        section[2] += 5
        section[-4:] = mpeg_crc(section[:-4]).to_bytes(4, "big")
        packet[5 : 5 + len(section)] = section
    at = next(k for k, packet in enumerate(packets) if packet is tables[1])
    sound = bytearray(b"\x47\x41\x05\x10" + b"\x00\x00\x01\xc0\x00\xb2\x80\x80\x05\x21\x00\x01\x00\x01" + bytes(170))
    packets.insert(at + 1, sound)
    path.write_bytes(b"".join(packets))
    answered(path, SourceConfig())
    for words in (["info", "a.ts"], ["track", "a.ts", *TRACK]):
        assert_answered(attack(words, cwd=tmp_path), (0, 2), more_lines=True)


def mpeg_crc(data: bytes) -> int:
    """The checksum of MPEG's tables (ISO 13818-1, annex A)."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value >> 31 else value << 1) & 0xFFFFFFFF
    return value


def test_sound_of_an_unknown_codec(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [40 * k for k in range(12)], sound=True)
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"xyzw").replace(b"\x40\x15", b"\xe5\x15"))
    answer = attack(["info", "a.mp4"], cwd=tmp_path)
    assert_answered(answer, 0)
    assert b"of an unknown codec" in answer.stdout
    assert_answered(attack(["track", "a.mp4", *TRACK, "--video", "out.mp4"], cwd=tmp_path), 0)
    assert sum(1 for _ in open_source(tmp_path / "out.mp4")) == 12


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".avi", ".mp4", ".flv", ".h264"])
@pytest.mark.parametrize("command", ["track", "info"])
def test_twenty_gigabytes_of_zeros_behind_a_video(tmp_path: Path, suffix: str, command: str) -> None:
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    encode(tmp_path / f"a{suffix}", [40 * k for k in range(12)], codec)
    os.truncate(tmp_path / f"a{suffix}", 20_000_000_000)
    words = [command, f"a{suffix}", "--rate", 25, *(TRACK if command == "track" else ())]
    assert_answered(attack(words, cwd=tmp_path), (0, 2), more_lines=True)


@pytest.mark.parametrize(
    "name", ["/dev/zero", "/dev/full", "zero.mp4", "zero.png", "huge.png", "zeros/*.jpg", "socket"]
)
def test_what_has_no_end_or_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "zeros").mkdir()
    for link in ("zero.mp4", "zero.png", "zeros/1.jpg"):
        (tmp_path / link).symlink_to("/dev/zero")
    (tmp_path / "huge.png").touch()
    os.truncate(tmp_path / "huge.png", 20_000_000_000)
    os.mknod(tmp_path / "socket", 0o140600)
    assert_answered(attack(["track", name, *TRACK], cwd=tmp_path))
    assert_answered(attack(["info", name], cwd=tmp_path))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".gif", ".apng", ".mov"])
def test_pictures_that_claim_to_be_huge(tmp_path: Path, suffix: str) -> None:
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
def test_rates_that_no_film_has(tmp_path: Path, rate: str, command: str) -> None:
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
def test_times_that_no_film_has(tmp_path: Path, name: str) -> None:
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
def test_what_is_no_video(tmp_path: Path, name: str, command: str) -> None:
    (tmp_path / "a.mp4").write_bytes(CONTENTS[name])
    with kept(tmp_path / "a.mp4"):
        assert_answered(attack([command, "a.mp4", *(TRACK if command == "track" else ())], cwd=tmp_path))
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("fault", ["deleted", "empty", "other size", "text", "folder", "device", "link to itself"])
def test_a_picture_that_is_not_there_any_more(tmp_path: Path, fault: str) -> None:
    (tmp_path / "pictures").mkdir()
    for k in range(6):
        cv2.imwrite(str(tmp_path / "pictures" / f"{k}.png"), stripes(k))
    bad = tmp_path / "pictures" / "4.png"
    os.mkfifo(tmp_path / "pictures" / "5.jpg")  # pipes and folders of such a name are no pictures
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


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 1,500 pictures that takes long enough to be read that it can be changed meanwhile."""
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (120, 160, 3), dtype=np.uint8) for _ in range(30)]
    options = {"preset": "ultrafast", "qp": "6", "bf": "0"}
    return encode(tmp_path_factory.mktemp("clip") / "a.mp4", range(0, 60_000, 40), options=options, pictures=noise * 50)


@pytest.fixture
def long_clip(tmp_path: Path, thousand: Path) -> Path:
    """A copy of it, to be spoiled."""
    return Path(shutil.copy(thousand, tmp_path / "a.mp4"))


def _cut(path: Path) -> None:
    os.truncate(path, 0)


def _overwrite(path: Path) -> None:
    path.write_bytes(path.read_bytes()[::-1])


def _delete(path: Path) -> None:
    path.unlink()


def _move(path: Path) -> None:
    path.rename(path.with_name("b.mp4"))


def _replace(path: Path) -> None:
    other = path.with_name("other.mp4")
    other.write_bytes(b"another")
    other.replace(path)


@pytest.mark.parametrize(
    ("change", "code"),
    [(_cut, 1), (_overwrite, 1), (_delete, 0), (_move, 0), (_replace, 0)],
    ids=["cut", "overwritten", "deleted", "moved", "replaced"],
)
def test_a_video_that_changes_while_it_is_tracked(long_clip: Path, change: Callable[[Path], None], code: int) -> None:
    folder = long_clip.parent
    with start(["track", "a.mp4", *TRACK], cwd=folder) as run:
        while not (folder / "out.jsonl").exists() or (folder / "out.jsonl").stat().st_size < 3000:
            assert Path(f"/proc/{run.pid}").exists()
            time.sleep(0.01)
        change(long_clip)
        said = assert_answered(run.wait(), code, more_lines=True)
    rows = (folder / "out.jsonl").read_bytes().count(b'"frame"')
    if code:
        assert "while it was read" in said
    else:
        assert rows >= 1500
    assert rows > 10


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".mp4", ".txt", "", ".nut"])
@pytest.mark.parametrize("command", ["track", "info"])
def test_pipes(tmp_path: Path, suffix: str, command: str) -> None:
    """Videos, texts, and nothing at all, through a pipe."""
    made = {".txt": b"a text\n" * 5000, "": b""}
    data = made.get(suffix)
    if data is None:
        data = encode(tmp_path / f"a{suffix}", range(0, 4000, 40), options={"g": "10"}).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    patience = ("--stall", 0.5, "--reconnect", 0)
    with start([command, "pipe", *patience, *(TRACK if command == "track" else ())], cwd=tmp_path) as run:
        with writing(tmp_path / "pipe", data):
            assert_answered(run.wait(), (0, 2), more_lines=True)
        assert (run.wait().code == 0) == (suffix in (".ts", ".mkv", ".nut", ".mp4"))


class writing:
    """A thread that writes into a pipe, as soon as somebody reads."""

    def __init__(self, pipe: Path, data: bytes) -> None:
        self._pipe, self._data = pipe, data
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        try:
            with self._pipe.open("wb") as file:
                file.write(self._data)
        except BrokenPipeError:
            pass

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        with open(os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK), "rb"):  # nobody else may have read it
            self._thread.join(10)


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    """No attack leaves a thread behind in this process."""
    before = threading.active_count()
    yield
    assert threading.active_count() <= before
