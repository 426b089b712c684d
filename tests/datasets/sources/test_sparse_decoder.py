"""Decoding of chosen frames: numbers, times and pixels equal those of a full decoding, and what lies between is left
out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.recorded import Recorded
from datasets.sources.sparse_decoder import Irregular, SparseDecoder
from models.errors import DataError, SourceError
from tests.support.striped_files import KINDS, folder_of
from tests.support.striped_video import UNEVEN_MS, encode
from tracker.protocols import PendingSource
from tracker.types import Frame, UInt8

SIZE = (96, 64)
MORE = {
    "h264_pyramid.mp4": ("libx264", {"g": "20", "bf": "3", "x264-params": "b-pyramid=normal:ref=3:b-adapt=0"}),
    "h264_open_gop.mp4": ("libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=12:b-pyramid=normal:b-adapt=0"}),
    "h264_intra_refresh.mkv": ("libx264", {"x264-params": "intra-refresh=1:keyint=12:bframes=0"}),
    "h264_one_key.mp4": ("libx264", {"g": "600", "bf": "2"}),
    "h264.avi": ("libx264", {"g": "9", "bf": "0"}),
    "h264_b_frames.avi": ("libx264", {"g": "9", "bf": "3"}),
    "h265_pyramid.mkv": ("libx265", {"x265-params": "log-level=none:keyint=20:bframes=4:b-adapt=0"}),
    "h265_open_gop.mp4": ("libx265", {"x265-params": "log-level=none:keyint=12:open-gop=1:bframes=3:b-adapt=0"}),
    "h265_layers.mp4": ("libx265", {"x265-params": "log-level=none:keyint=20:bframes=4:temporal-layers=3:b-adapt=0"}),
    "mpeg2.ts": ("mpeg2video", {"g": "9", "bf": "2"}),
    "mjpeg.avi": ("mjpeg", {}),
    "msmpeg4.avi": ("msmpeg4", {"g": "12"}),
    "vp8.webm": ("libvpx", {"g": "12", "deadline": "realtime", "cpu-used": "8"}),
}
ALL = {**KINDS, **MORE}
FRAMES = 45
Row = tuple[int, float, bytes]


def moving(k: int) -> UInt8:
    """Texture that slides and a disc that crosses it: neighbouring images differ everywhere."""
    rng = np.random.default_rng(5)
    ground = cv2.resize(rng.integers(0, 255, (12, 18, 3), dtype=np.uint8), SIZE)
    picture = np.roll(ground, 2 * k, axis=1).copy()
    cv2.circle(picture, ((7 * k) % SIZE[0], 32), 9, (0, 40 + k, 255), -1)
    return picture


def clip(folder: Path, name: str, pts: list[int] | None = None) -> Path:
    codec, options = ALL[name]
    try:
        av.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"this PyAV has no encoder {codec}")
    times = pts or list(range(FRAMES))
    base = Fraction(1, 1000) if pts else Fraction(1, 25)
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return encode(folder / name, times, codec, base, options, [moving(k) for k in range(len(times))], pix_fmt)


def row(frame: Frame) -> Row:
    return frame.index, frame.time, frame.bgr.tobytes()


def full(path: Path, **config: Any) -> list[Row]:
    with open_source(path, SourceConfig(**config)) as source:
        return [row(frame) for frame in source]


def chosen(path: Path, choose: Callable[[int], bool], **config: Any) -> Iterator[tuple[int, float, Row | None]]:
    """(number, time, what was decoded) of each pending frame; None where it was not chosen, or is damaged."""
    with open_source(path, SourceConfig(**config)) as source:
        assert isinstance(source, PendingSource)
        for pending in source.pending():
            frame = pending.decode() if choose(pending.index) else None
            yield pending.index, pending.time, None if frame is None else row(frame)


def choices() -> list[set[int]]:
    rng = np.random.default_rng(1)
    dense, rare = (set(np.flatnonzero(rng.random(FRAMES) < share).tolist()) for share in (0.6, 0.15))
    return [set(), {0}, {FRAMES - 1}, {20}, set(range(FRAMES)), set(range(0, FRAMES, 5)), dense, rare, {7, 8, 30, 31}]


@pytest.mark.parametrize("name", ALL)
def test_chosen_frames_equal_those_of_a_full_decoding(tmp_path: Path, name: str) -> None:
    path = clip(tmp_path, name)
    whole = full(path)
    assert len({pixels for _, _, pixels in whole}) > 30  # a wrong frame would be noticed
    for looks in choices():
        got = list(chosen(path, looks.__contains__))
        assert [item[:2] for item in got] == [item[:2] for item in whole]
        assert [item[2] for item in got if item[2]] == [item for item in whole if item[0] in looks]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("every", [2, 5, 13])
def test_every_nth_frame_equals_that_of_a_full_decoding(tmp_path: Path, name: str, every: int) -> None:
    path = clip(tmp_path, name)
    whole = full(path)
    assert full(path, every=every) == [item for item in whole if item[0] % every == 0]
    part = [item for item in whole if item[0] % every == 0 and 0.5 <= item[1] < 1.3]
    assert full(path, every=every, start=0.5, end=1.3) == part


@pytest.mark.parametrize("name", ["h264_pyramid.mp4", "h265.mp4", "mpeg4.ts", "vp9.webm", "mjpeg.mkv"])
def test_uneven_times_stay_exact(tmp_path: Path, name: str) -> None:
    path = clip(tmp_path, name, [at + 7000 for at in UNEVEN_MS])
    whole = full(path)
    got = list(chosen(path, lambda k: k % 7 == 3, start=0.2, end=2.3))
    assert [item[:2] for item in got] == [item[:2] for item in whole if 0.2 <= item[1] < 2.3]
    assert [item[2] for item in got if item[2]] == [r for r in whole if 0.2 <= r[1] < 2.3 and r[0] % 7 == 3]


def counted(path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[[int], bool]) -> int:
    """How many frames came out of the decoder."""
    count, keep = [0], SparseDecoder._keep

    def counting(self: SparseDecoder, *args: Any) -> None:
        count[0] += 1
        keep(self, *args)

    monkeypatch.setattr(SparseDecoder, "_keep", counting)
    list(chosen(path, choose))
    monkeypatch.undo()
    return count[0]


def test_what_nobody_needs_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = clip(tmp_path, "h264_open_gop.mp4")
    assert counted(short, monkeypatch, lambda k: False) == 0
    assert counted(short, monkeypatch, lambda k: k == 40) < 16
    independent = clip(tmp_path, "mjpeg.mkv")
    assert counted(independent, monkeypatch, lambda k: k % 9 == 0) <= 5 + 5  # with more threads also those ahead
    one_key = clip(tmp_path, "h264_one_key.mp4")
    assert counted(one_key, monkeypatch, lambda k: k == 40) < 36  # frames that are no reference are left out


def test_images_are_converted_only_where_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clip(tmp_path, "h264_b_frames.avi")  # stored without presentation times: every frame is decoded
    made: list[int] = []
    with open_source(path) as source:
        assert isinstance(source, Recorded)
        plain = source._picture
        monkeypatch.setattr(source, "_picture", lambda index, item: made.append(index) or plain(index, item))
        for pending in source.pending():
            if pending.index % 10 == 0:
                assert pending.decode() is not None
    assert made == [0, 10, 20, 30, 40]


def test_folder_of_images_reads_only_the_chosen_files(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "images", [f"{k}.png" for k in range(6)])
    (folder / "3.png").write_bytes(b"no image")
    got = list(chosen(folder, lambda k: k in (1, 5), rate=10.0))
    assert [item[0] for item in got if item[2]] == [1, 5]
    assert len(got) == 6
    with pytest.raises(SourceError, match="not a picture"):
        list(chosen(folder, lambda k: k == 3, rate=10.0))


@pytest.mark.parametrize("name", ["h264_pyramid.mp4", "h264_b_frames.ts", "mpeg4.mov", "h265_pyramid.mkv", "mjpeg.mkv"])
@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_give_the_frames_of_a_full_decoding(tmp_path: Path, name: str, seed: int) -> None:
    path = clip(tmp_path, name)
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    at = len(data) // 3 + int(rng.integers(0, len(data) // 3))
    data[at : at + 40] = rng.bytes(40)
    path.write_bytes(bytes(data))
    whole = {index: (time, pixels) for index, time, pixels in full(path)}
    for every in (1, 4):
        decoded = [item for _, _, item in chosen(path, lambda k, n=every: k % n == 0) if item]  # type: ignore[misc]
        assert [index for index, _, _ in decoded] == [k for k in sorted(whole) if k % every == 0]
        assert all(time == whole[index][0] for index, time, _ in decoded)


def test_frames_after_damage_are_those_of_a_full_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clip(tmp_path, "h264_pyramid.mp4")
    plain = SparseDecoder.frame

    def breaking(self: SparseDecoder, index: int) -> Any:
        if index >= 18:
            raise Irregular
        return plain(self, index)

    monkeypatch.setattr(SparseDecoder, "frame", breaking)
    whole = full(path)
    got = list(chosen(path, lambda k: k % 6 == 0))
    assert [item[:2] for item in got] == [item[:2] for item in whole]
    assert [item[2] for item in got if item[2]] == [item for item in whole if item[0] % 6 == 0]
    assert full(path, every=6) == [item for item in whole if item[0] % 6 == 0]


def indices(source: Iterable[Frame | None], got: list[int]) -> None:
    """Appends the number of each frame; an error comes after those before it."""
    for frame in source:
        if frame is not None:
            got.append(frame.index)


def test_truncated_file_gives_its_good_frames_and_the_same_error(tmp_path: Path) -> None:
    path = clip(tmp_path, "h264_b_frames.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    whole, got = list[int](), list[int]()
    with open_source(path) as source, pytest.raises(SourceError, match="breaks off after") as plain:
        indices(source, whole)
    with open_source(path) as source:
        assert isinstance(source, PendingSource)
        with pytest.raises(SourceError) as sparse:
            indices((pending.decode() for pending in source.pending() if pending.index % 4 == 0), got)
    assert str(sparse.value) == str(plain.value)
    assert got == whole[::4]
    assert len(got) > 3


def test_given_times_and_rates_count_the_same_frames(tmp_path: Path) -> None:
    path = clip(tmp_path, "h264_pyramid.mp4")
    assert full(path, every=5, rate=10.0) == [item for item in full(path, rate=10.0) if item[0] % 5 == 0]
    times = tmp_path / "times.txt"
    times.write_text("\n".join(str(0.5 * k) for k in range(FRAMES)))
    assert full(path, every=5, times=times) == [item for item in full(path, times=times) if item[0] % 5 == 0]
    times.write_text("\n".join(str(0.5 * k) for k in range(30)))
    got = list[int]()
    with open_source(path, SourceConfig(every=5, times=times)) as source, pytest.raises(DataError, match="30 times"):
        indices(source, got)
    assert got == [0, 5, 10, 15, 20, 25]


def test_closing_ends_the_pending_frames(tmp_path: Path) -> None:
    path = clip(tmp_path, "h264_pyramid.mp4")
    source = open_source(path)
    assert isinstance(source, Recorded)
    pending = source.pending()
    first = next(pending)
    source.close()
    assert first.decode() is None
    assert list(pending) == []
    with pytest.raises(SourceError, match="read already"):
        source.pending()
