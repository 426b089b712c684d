"""A lock on a file to be written, which the system takes away from a process that dies."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

POLL_S = 0.02


class FileLock:
    """Held from `take` to `release`. The file of the lock lies beside the one to be written and goes with the lock.

    A process that is killed leaves that file behind, unlocked: it is in nobody's way. Where a folder or a file system
    takes no locks, nothing is locked.

    Args:
        folder: where the lock's own file goes.
        name: in that folder, of what one process alone may write: a file's name, or a pattern.
    """

    def __init__(self, folder: Path, name: str) -> None:
        # A digest, for a long name must leave room.
        mark = hashlib.sha256(os.path.normcase(name).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.path = folder / f".liquidtrack-{mark}.lock"
        self._handle: int | None = None

    def take(self, patience: float = 0.0) -> int | None:
        """Locks, or returns the number of the process that has it locked after `patience` seconds (0: unknown)."""
        end = time.monotonic() + patience
        while (owner := self._try()) is not None and time.monotonic() < end:
            time.sleep(POLL_S)
        return owner

    def _try(self) -> int | None:
        while True:
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            except OSError:
                return None  # what cannot be locked here cannot be written here either, mostly
            if not _lock(handle):
                owner = os.read(handle, 32).decode("ascii", "replace").strip()
                os.close(handle)
                return int(owner) if owner.isdecimal() else 0
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(handle), os.stat(self.path)):
                    os.ftruncate(handle, 0)
                    os.write(handle, str(os.getpid()).encode())
                    self._handle = handle
                    return None
            os.close(handle)  # its owner took it away meanwhile

    def release(self) -> None:
        """Unlocks; a second call does nothing."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None


def _lock(handle: int) -> bool:
    """False where another one has it; systems that know no locks say True."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            windows: Any = msvcrt
            windows.locking(handle, windows.LK_NBLCK, 1)
    except BlockingIOError:
        return False
    except OSError:
        return fcntl is not None  # Windows says PermissionError where it is locked; others have no locks here
    return True
