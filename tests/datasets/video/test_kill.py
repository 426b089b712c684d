"""What was written before a kill or a full disk can be read; the error is one sentence."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.video.writer import VideoWriter
from models.errors import LiquidTrackError
from tests.support.sound_video import (
    SUFFIXES,
    film,
    packets,
    picture,
    read_damaged,
)

CHILD = """
import os, resource, signal, sys
import numpy as np
from datasets.video.writer import VideoWriter
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
        if k == int(sys.argv[4]) and not limit:
            os.kill(os.getpid(), signal.SIGKILL)
except LiquidTrackError as error:
    print(error)
    writer.close()
    writer.close()
    sys.exit(2)
"""


def child(path: Path, limit: int = 0, sound: Path | None = None, last: int = 200) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", CHILD, str(path), str(limit), str(sound or ""), str(last)]
    root = Path(__file__).parents[3]
    return subprocess.run(words, capture_output=True, text=True, cwd=root, timeout=60, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX signal")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("with_sound", [False, True])
def test_kill_leaves_the_written_frames(tmp_path: Path, suffix: str, with_sound: bool) -> None:
    sound = None
    if with_sound:
        codec, source = ("libopus", ".webm") if suffix == ".webm" else ("libmp3lame", ".mp4")
        sound = tmp_path / f"film{source}"
        film(sound, codec, seconds=4)  # the sound ends long before the images do
    path = tmp_path / f"killed{suffix}"
    assert child(path, sound=sound).returncode == -signal.SIGKILL
    got = read_damaged(path)
    # 201 images (8 s) went in: the encoder keeps some, the container up to a second.
    assert len(got) >= 150
    np.testing.assert_allclose(got - got[0], np.arange(len(got)) * 0.04, atol=0.00052)
    if with_sound and suffix != ".avi":
        assert len(packets(path)) > 100


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX signal")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("last", [9, 22])
def test_kill_in_the_first_second_leaves_a_readable_file(tmp_path: Path, suffix: str, last: int) -> None:
    path = tmp_path / f"killed{suffix}"
    assert child(path, last=last).returncode == -signal.SIGKILL
    got = read_damaged(path)
    # the encoder keeps up to four images, the writer one, a fragment as many as came before it
    assert len(got) >= (last - 4) // 2
    np.testing.assert_allclose(got - got[0], np.arange(len(got)) * 0.04, atol=0.00052)


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
def test_disk_full_on_closing_is_one_sentence(tmp_path: Path) -> None:
    """Whatever byte is the last that fits, an MP4 stays readable: the final index must not damage the fragments."""
    code = CHILD.replace("range(400)", "range(50)").replace("except", "    writer.close()\nexcept", 1)
    whole = tmp_path / "whole.mp4"
    root = Path(__file__).parents[3]
    words = [sys.executable, "-c", code]
    subprocess.run([*words, str(whole), "0", "", "200"], cwd=root, timeout=60, check=True)
    size = whole.stat().st_size
    for missing in (1, 200, 900, 1500):
        path = tmp_path / f"less{missing}.mp4"
        done = subprocess.run(
            [*words, str(path), str(size - missing), "", "200"],
            cwd=root,
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, (missing, done.stderr)
        assert len(read_damaged(path)) >= 25, missing


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_dev_full_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "full.mkv"
    path.symlink_to("/dev/full")
    writer = VideoWriter(path)

    def fill() -> None:
        for k in range(200):
            writer.write(picture(k), k * 0.04)

    with pytest.raises(LiquidTrackError, match=r"full\.mkv: writing failed .*[Nn]o space left"):
        fill()
    writer.close()
