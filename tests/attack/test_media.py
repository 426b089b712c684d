"""Damaged videos and images of every container and codec that PyAV writes.

Most are read within this process (open, all frames, `info`), a few milliseconds each; a choice goes through the
command line.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.images import read_image
from models.errors import LiquidTrackError
from tests.attack.harness import assert_answered, attack, kept
from tests.support.encoders import CODECS, PAIRS, written
from tests.support.striped_video import encode, stripes
from tools.track.config.source_info import InfoConfig
from tools.track.source_info import gather, text

pytestmark = pytest.mark.usefixtures("nobody_left")
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
def test_damaged_videos_give_frames_or_one_sentence(tmp_path: Path, suffix: str, codec: str) -> None:
    path = written(tmp_path, suffix, codec)
    whole, rng = path.read_bytes(), np.random.default_rng(list((suffix + codec).encode()))
    with open_source(path, ANY_RATE) as source:
        assert sum(1 for _ in source) == 8
    for k, fault in enumerate(FAULTS):
        path.write_bytes(fault(whole, rng))
        answered(path, ANY_RATE if k % 3 else SourceConfig(rate=25.0, start=0.15))


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".mp4", ".avi", ".ts", ".mpg", ".flv", ".webm", ".gif", ".h264"])
def test_wrong_suffix_alone_changes_nothing(tmp_path: Path, suffix: str) -> None:
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
def test_randomly_damaged_videos_give_frames_or_one_sentence(
    tmp_path: Path, suffix: str, codec: str, seed: int
) -> None:
    path = written(tmp_path, suffix, codec)
    whole, rng = path.read_bytes(), np.random.default_rng(seed)
    for _ in range(40):
        path.write_bytes(flip(whole, rng, int(rng.choice([1, 5, 20, 200]))))
        answered(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp", ".ppm", ".jp2"])
def test_damaged_images_give_an_image_or_one_sentence(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), stripes(77))
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(2):
        for fault in FAULTS:
            path.write_bytes(fault(whole, rng))
            try:
                assert read_image(path).ndim == 3
            except LiquidTrackError as error:
                one_sentence(error, path)


TRACK = ("--detector", "none", "--quiet", "--jsonl", "out.jsonl")


@pytest.mark.parametrize("fault", [None, *FAULTS[1:10:2], hole], ids=["whole", *"abcde", "hole"])
@pytest.mark.parametrize("suffix", [".ts", ".mp4", ".mkv"])
def test_damaged_sound_and_images_from_the_command_line(
    tmp_path: Path, suffix: str, fault: Callable[[bytes, np.random.Generator], bytes] | None
) -> None:
    path = encode(tmp_path / f"a{suffix}", [40 * k for k in range(12)], sound=True)
    if fault is not None:
        path.write_bytes(fault(path.read_bytes(), np.random.default_rng(3)))
    with kept(path):
        words = ["track", path.name, *TRACK, "--video", "out.mp4"]
        assert_answered(attack(words, cwd=tmp_path), (0, 2) if fault else 0, more_lines=True)


def test_stream_added_mid_file_is_handled(tmp_path: Path) -> None:
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


def test_sound_of_an_unknown_codec_is_reported(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", [40 * k for k in range(12)], sound=True)
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"xyzw").replace(b"\x40\x15", b"\xe5\x15"))
    answer = attack(["info", "a.mp4"], cwd=tmp_path)
    assert_answered(answer, 0)
    assert b"of an unknown codec" in answer.stdout
    assert_answered(attack(["track", "a.mp4", *TRACK, "--video", "out.mp4"], cwd=tmp_path), 0)
    assert sum(1 for _ in open_source(tmp_path / "out.mp4")) == 12
