"""Files that change while they are read, pipes, and files padded with zeros."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.sources import byte_reader as under
from datasets.sources.config import SourceConfig
from datasets.sources.video_files import VideoFile
from models.errors import ChangedError, ConfigError, SourceError
from tests.support.striped_video import UNEVEN_MS, encode, number_of
from tools.track.config.source_info import InfoConfig
from tools.track.source_info import gather

SECONDS = [at / 1000 for at in UNEVEN_MS]
QUICK = {"bf": "0", "preset": "ultrafast"}
posix = pytest.mark.skipif(os.name != "posix", reason="an open file has a name of its own elsewhere")


def noise(count: int) -> list[np.ndarray]:
    """Images that make a file too large to be read ahead as a whole."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (240, 320, 3), dtype=np.uint8) for _ in range(count)]


@posix
@pytest.mark.parametrize("replaced", [False, True])
def test_deleted_or_replaced_file_is_read_to_its_end(tmp_path: Path, replaced: bool) -> None:
    path = encode(tmp_path / "a.mkv", UNEVEN_MS)
    other = encode(tmp_path / "b.mkv", [0, 40])
    with open_source(path) as source:
        frames = iter(source)
        next(frames)
        if replaced:
            other.rename(path)
        else:
            path.unlink()
        assert [number_of(frame.bgr) for frame in frames] == list(range(1, 20))


@posix
def test_reopened_source_reads_the_same_file(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", UNEVEN_MS, options={"g": "4"})
    source = open_source(path, SourceConfig(start=1.0))
    encode(tmp_path / "b.mkv", [0, 40]).rename(path)
    assert isinstance(source, VideoFile)
    assert source.times().tolist() == SECONDS
    assert [frame.index for frame in source] == list(range(9, 20))


@pytest.mark.parametrize("left", [0, 100_000])
def test_truncation_during_reading_is_an_error_after_its_frames(tmp_path: Path, left: int) -> None:
    path = encode(tmp_path / "a.mp4", range(0, 1600, 40), options=QUICK | {"qp": "10"}, pictures=noise(40))
    seen = []

    def read() -> None:
        for frame in open_source(path):
            seen.append(frame.index)
            if frame.index == 0:
                os.truncate(path, left)

    with pytest.raises(ChangedError, match=rf"a\.mp4: the file was cut from \d+ to {left} bytes while") as error:
        read()
    assert seen == list(range(len(seen)))
    assert 0 < len(seen) < 40
    assert f"the {len(seen)} frames before" in str(error.value)
    assert error.value.exit_code == 1


def test_overwriting_during_reading_is_an_error(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", range(0, 1600, 40), options=QUICK | {"qp": "10"}, pictures=noise(40))
    other = encode(tmp_path / "b.mkv", range(0, 1600, 40), options=QUICK | {"qp": "1"}, pictures=noise(40))

    def read() -> None:
        for frame in open_source(path):
            if frame.index == 0:
                with path.open("r+b") as file:
                    file.write(other.read_bytes())

    with pytest.raises(ChangedError, match="overwritten while it was read"):
        read()


def test_growing_recording_is_read_to_its_current_end(tmp_path: Path) -> None:
    data = encode(tmp_path / "a.ts", range(0, 1600, 40), options={"bf": "0"}).read_bytes()
    path = tmp_path / "growing.ts"
    path.write_bytes(data[: len(data) // 2])
    source = iter(open_source(path))
    next(source)
    with path.open("ab") as file:
        file.write(data[len(data) // 2 :])
    assert sum(1 for _ in source) >= 15


@contextmanager
def piped(path: Path, data: bytes, hold: bool = False) -> Iterator[None]:
    """A pipe at `path`, and a writer of `data`; with `hold` it stays there, silent, until the end."""
    os.mkfifo(path)
    done = threading.Event()

    def write() -> None:
        try:
            with path.open("wb") as pipe:
                pipe.write(data)
                pipe.flush()
                done.wait(30 if hold else 0)
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@posix
@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
def test_a_pipe_is_read_in_order(tmp_path: Path, suffix: str) -> None:
    data = encode(tmp_path / f"a{suffix}", UNEVEN_MS, options={"bf": "2"}).read_bytes()
    with piped(tmp_path / "pipe", data), open_source(tmp_path / "pipe", SourceConfig(start=0.5, every=2)) as source:
        assert source.info.path is None
        frames = [(frame.index, frame.time, number_of(frame.bgr)) for frame in source]
    assert frames == [(k, pytest.approx(SECONDS[k]), k) for k in range(6, 20, 2)]


@posix
def test_pipe_info_is_read(tmp_path: Path) -> None:
    data = encode(tmp_path / "a.mkv", UNEVEN_MS, sound=True).read_bytes()
    with piped(tmp_path / "pipe", data):
        facts = gather(InfoConfig(str(tmp_path / "pipe")))
    assert facts["frames"] == 20
    assert facts["duration"] == pytest.approx(SECONDS[-1])
    assert facts["audio"] == "aac, 16000 Hz, mono"


@posix
def test_stalled_pipe_is_an_error_after_its_frames(tmp_path: Path) -> None:
    data = encode(tmp_path / "a.ts", UNEVEN_MS).read_bytes()
    seen = []
    config = SourceConfig(stall=0.3, reconnect=0.0)
    with (
        piped(tmp_path / "pipe", data, hold=True),
        pytest.raises(SourceError, match=r"pipe: it breaks off after \d+ frames \(nothing came through the pipe for"),
    ):
        seen.extend(frame.index for frame in open_source(tmp_path / "pipe", config))
    assert len(seen) >= 15


@posix
def test_stalled_pipe_can_be_closed(tmp_path: Path) -> None:
    data = encode(tmp_path / "a.mkv", range(0, 4000, 40), options={"tune": "zerolatency"}).read_bytes()
    with piped(tmp_path / "pipe", data, hold=True):
        source = open_source(tmp_path / "pipe")
        timer = threading.Timer(0.3, source.close)
        timer.start()
        assert len(list(source)) >= 15
        timer.join()


@posix
def test_pipes_without_sequential_video_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "empty")
    with pytest.raises(SourceError, match=r"empty: nothing came through the pipe in 0\.2 s"):
        open_source(tmp_path / "empty", SourceConfig(stall=0.2, reconnect=0.0))
    index_last = encode(tmp_path / "a.mp4", range(0, 800, 40), options={"qp": "10"}, pictures=noise(20)).read_bytes()
    for name, data in (("film", index_last), ("text", b"no video\n" * 9999)):
        with piped(tmp_path / name, data), pytest.raises(SourceError, match=f"{name}: not a video that can be read"):
            open_source(tmp_path / name)


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".avi", ".mp4"])
def test_endless_zeros_after_a_video_end(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under, "BARREN", 1 << 22)
    path = encode(tmp_path / f"a{suffix}", range(0, 400, 40), "mpeg4" if suffix == ".avi" else "libx264")
    size = path.stat().st_size
    os.truncate(path, 20_000_000_000)
    if suffix == ".mp4":  # its index tells all
        assert sum(1 for _ in open_source(path)) == 10
        return
    seen = []
    with pytest.raises(SourceError, match=r"it breaks off after \d+ frames"):
        seen.extend(frame.index for frame in open_source(path))
    assert len(seen) >= 9, size


def test_paths_and_numbers_are_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    encode(tmp_path / "7.mkv", UNEVEN_MS).rename("97")
    with open_source(Path("97")) as source:
        assert source.info.name == "97"
    for camera in (97, "97"):
        with pytest.raises(SourceError, match="camera 97 cannot be opened"):
            open_source(camera)
    with pytest.raises(ConfigError, match="counted from 0"):
        open_source(-1)


@posix
def test_devices_are_refused_as_videos() -> None:
    with pytest.raises(SourceError, match="/dev/zero: a device or a socket, not a file"):
        open_source("/dev/zero")
