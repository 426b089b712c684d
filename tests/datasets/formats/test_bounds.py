"""What is read is bounded: devices that never end, pipes without a writer, nested elements."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest

from datasets.formats import read
from datasets.formats import text as _text
from models.errors import DataError

needs_devices = pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero")


@needs_devices
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
@pytest.mark.parametrize("format", [None, "mot", "jsonl", "coco", "cvat", "kitti"])
def test_endless_device_is_refused(device: str, format: str | None) -> None:
    with pytest.raises(DataError, match=r"is not a text file|is a damaged gzip"):
        read(device, format)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_pipe_is_read_if_its_format_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="is a pipe, whose format cannot be told"):
        read(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("1,-1,1,2,3,4,0.5\n" * 9000))
    writer.start()
    assert len(read(pipe, "mot")) == 9000
    writer.join()
    monkeypatch.setattr(_text, "PATIENCE_S", 0.05)
    with pytest.raises(DataError, match="is a pipe into which nobody writes"):
        read(pipe, "mot")


def test_gzip_members_are_concatenated(tmp_path: Path) -> None:
    path = tmp_path / "det.txt.gz"
    member = gzip.compress(b"1,-1,1,2,3,4,0.5\n" * 100_000, mtime=0)
    path.write_bytes(member + b"\0" * 10 + member)
    assert len(read(path)) == 200_000


def test_deeply_nested_elements_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<annotations>" + "<a>" * 100_000)
    with pytest.raises(DataError, match="lie more than 50 deep in one another"):
        read(path)


def test_overlong_seqinfo_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text("1,1,1,2,3,4,1,1,1\n")
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\na" + " " * 500_000 + "b\n")
    with pytest.raises(DataError, match=r"is no seqinfo\.ini"):
        read(tmp_path)
