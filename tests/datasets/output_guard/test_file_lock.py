"""The lock on an output file, on a disk that is full."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from datasets.output_guard.file_lock import FileLock


def test_lock_is_taken_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the empty file can be made, and the number of the process cannot be written into it."""

    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("datasets.output_guard.file_lock.os.write", full)
    lock, other = FileLock(tmp_path, "a"), FileLock(tmp_path, "a")
    assert lock.take() is None
    assert lock.path.exists()
    assert other.take() == 0  # held by a process that is not known
    lock.release()
    assert other.take() is None
    other.release()
