"""Real servers for the tests of stores, one of each kind for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from datasets.storage.remote_file import SHELF
from tests.support.s3_server import S3Server, s3_bucket
from tests.support.sftp_server import SftpServer
from tests.support.striped_video import encode, stripes


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Every test begins with nothing read, and leaves no file open."""
    SHELF.clear()
    yield
    SHELF.clear()


@pytest.fixture(scope="package")
def s3() -> Iterator[S3Server]:
    """An S3 server with an empty bucket `videos`, which the environment points at."""
    with s3_bucket("videos") as server:
        yield server


@pytest.fixture(scope="package")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """An SSH server over an empty folder, whose key is known."""
    home = tmp_path_factory.mktemp("home")
    (home / ".ssh").mkdir()
    server = SftpServer(tmp_path_factory.mktemp("served"))
    (home / ".ssh/known_hosts").write_text(server.known + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        yield server
    server.close()


@pytest.fixture(scope="package")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of 3 MB of the same frames: the index of `end.mp4` is at its end, that of `front.mp4` in front."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(0)
    pictures = []
    for k in range(60):
        picture = rng.integers(0, 256, (192, 256, 3), dtype=np.uint8)
        picture[64:128] = stripes(k, (256, 64))
        pictures.append(picture)
    pts = [40 * k + 10 * (k % 2) for k in range(60)]
    options = {"g": "10", "bf": "2", "qp": "4", "preset": "ultrafast"}
    encode(folder / "end.mp4", pts, options=options, pictures=pictures)
    front = {"movflags": "faststart"}
    encode(folder / "front.mp4", pts, options=options, pictures=pictures, container_options=front)
    assert all(2_000_000 < path.stat().st_size < 6_000_000 for path in folder.iterdir())
    return folder
