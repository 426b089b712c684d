"""Videos that change, vanish or come through a pipe while they are tracked."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.attack.harness import assert_answered, start
from tests.support.striped_video import encode

pytestmark = pytest.mark.usefixtures("nobody_left")
TRACK = ("--detector", "none", "--quiet", "--jsonl", "out.jsonl")


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 1,500 images that takes long enough to be read that it can be changed meanwhile."""
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (120, 160, 3), dtype=np.uint8) for _ in range(30)]
    options = {"preset": "ultrafast", "qp": "6", "bf": "0"}
    return encode(tmp_path_factory.mktemp("clip") / "a.mp4", range(0, 60_000, 40), options=options, pictures=noise * 50)


@pytest.fixture
def long_clip(tmp_path: Path, thousand: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copy(thousand, tmp_path / "a.mp4"))


SLOW = """
import time
import numpy as np

def detect(bgr):
    time.sleep(0.002)  # so that there is time to change the file while it is read
    return np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)

detect.names = ("thing",)
"""


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
def test_video_that_changes_during_tracking_ends_cleanly(
    long_clip: Path, change: Callable[[Path], None], code: int
) -> None:
    folder = long_clip.parent
    (folder / "slow.py").write_text(SLOW)
    with start(["track", "a.mp4", *TRACK, "--detector", "python:slow.py:detect"], cwd=folder) as run:
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
def test_pipes_are_read_or_refused(tmp_path: Path, suffix: str, command: str) -> None:
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
    """A thread that writes into a pipe as soon as it is read."""

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
        with open(os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK), "rb"):  # no other process may have read it
            self._thread.join(10)
