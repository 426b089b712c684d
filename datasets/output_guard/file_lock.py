"""A lock on an output file, which the system releases when the process ends."""

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
    """A lock held from `take` to `release`. The lock file is beside the output file and is removed on release.

    A killed process leaves its lock file behind, unlocked, which does not block later runs. If the folder or the file
    system does not support locks, nothing is locked.

    Args:
        folder: folder of the lock file.
        name: what only one process may write in that folder: a file name or a pattern.
    """

    def __init__(self, folder: Path, name: str) -> None:
        # A digest, because a long name would exceed the length limit.
        mark = hashlib.sha256(os.path.normcase(name).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.path = folder / f".liquidtrack-{mark}.lock"
        self._handle: int | None = None

    def take(self, patience: float = 0.0) -> int | None:
        """Locks; on failure after `patience` seconds, returns the id of the process with the lock (0: unknown)."""
        end = time.monotonic() + patience
        while (owner := self._try()) is not None and time.monotonic() < end:
            time.sleep(POLL_S)
        return owner

    def _try(self) -> int | None:
        while True:
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            except OSError:
                return None  # where a lock file cannot be created, the output mostly cannot be written either
            if not _lock(handle):
                owner = os.read(handle, 32).decode("ascii", "replace").strip()
                os.close(handle)
                return int(owner) if owner.isdecimal() else 0
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(handle), os.stat(self.path)):
                    with contextlib.suppress(OSError):  # on a full disk the lock holds without a name of its owner
                        os.ftruncate(handle, 0)
                        os.write(handle, str(os.getpid()).encode())
                    self._handle = handle
                    return None
            os.close(handle)  # its owner has removed it meanwhile

    def release(self) -> None:
        """Unlocks; further calls do nothing."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None


def _lock(handle: int) -> bool:
    """False if another process holds the lock; True on systems without locks."""
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
        return fcntl is not None  # Windows raises PermissionError if it is locked; other systems have no locks here
    return True
