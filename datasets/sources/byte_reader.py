"""The bytes under a container, handed to FFmpeg by us: one opening of a file for all that is read of it, patience with
pipes, and an end to files that hold nothing more.
"""

from __future__ import annotations

import os
import select
import threading
import time
from pathlib import Path
from typing import BinaryIO

from datasets.sources.truncation import torn
from models.errors import ChangedError, SourceError

BUFFER = 1 << 18  # bytes that FFmpeg asks for at once: few calls, so few waits for the interpreter's lock
BARREN = 100 << 20  # bytes without one packet after which nothing more is looked for; an 8K picture as BGR has less
HEAD = 1 << 16  # bytes by which a file that was overwritten is known
POLL_S = 0.1


class Bytes:
    """What FFmpeg reads through, up to BARREN bytes from one packet to the next. Beyond that the file ends for it.

    Attributes:
        name: what FFmpeg takes as the name; its suffix is a hint at the kind.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"file:{path}"
        self._left = BARREN

    def begin(self) -> None:
        """What was read so far does not count."""
        self._left = BARREN

    def packet(self) -> None:
        """A packet came out of what was read; the end remains the end."""
        if self._left > 0:
            self._left = BARREN

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; none at the end."""
        if self._left <= 0:
            return b""
        data = self._read(count)
        self._left -= len(data)
        return data

    def _read(self, count: int) -> bytes:
        raise NotImplementedError

    @property
    def problem(self) -> str | None:
        """Why the bytes ended before their end, as the end of a sentence."""
        if self._left <= 0:
            return f"{BARREN >> 20} MB without a picture or a sound follow"
        return None

    def close(self) -> None:
        raise NotImplementedError


class FileBytes(Bytes):
    """A regular file. What happens to its name meanwhile (moved, deleted, replaced) does not matter.

    Args:
        path: the file.
        name: what messages call it.
        first: an opening of the same file, whose bytes are to be read again from the beginning.

    Raises:
        SourceError: it cannot be opened, or is empty.
        ChangedError: another file has the name of `first` now, where the system cannot read the same one twice.
    """

    def __init__(self, path: Path, name: str, first: FileBytes | None = None) -> None:
        super().__init__(path)
        self._at = 0
        self._file: BinaryIO
        if first is not None and hasattr(os, "pread"):
            self._file = os.fdopen(os.dup(first._file.fileno()), "rb", buffering=0)
        else:
            try:
                self._file = path.open("rb", buffering=0)
            except OSError as error:
                raise SourceError(f"{name}: it cannot be opened ({error.strerror}); check the name.") from None
        self._before = os.fstat(self._file.fileno())
        if first is not None and (self._before.st_ino, self._before.st_dev) != first.file:
            self._file.close()
            raise ChangedError(f"{name}: it was replaced while it was read; run again.")
        if not self._before.st_size:
            self._file.close()
            raise SourceError(f"{name}: the file is empty.")
        self._head = self._pread(HEAD, 0)

    @property
    def file(self) -> tuple[int, int]:
        """(inode, device): which file it is, whatever its name."""
        return self._before.st_ino, self._before.st_dev

    def _pread(self, count: int, at: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), count, at)
        self._file.seek(at)
        return self._file.read(count)

    def _read(self, count: int) -> bytes:
        data = self._pread(count, self._at)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes elsewhere and tells where."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        if base is None:
            base = os.fstat(self._file.fileno()).st_size
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def changed(self) -> str | None:
        """What happened to the bytes since they were opened, as the end of a sentence; None for nothing or more."""
        now = os.fstat(self._file.fileno())
        if now.st_size < self._before.st_size:
            return f"the file was cut from {self._before.st_size} to {now.st_size} bytes while it was read"
        if now.st_mtime_ns != self._before.st_mtime_ns and self._pread(len(self._head), 0) != self._head:
            return "the file was overwritten while it was read"
        return None

    def torn(self) -> str | None:
        """What is missing of the file, see `wholeness.torn`."""
        with os.fdopen(os.dup(self._file.fileno()), "rb") as file:
            return torn(file)

    def close(self) -> None:
        """Calling it again does nothing."""
        self._file.close()


class PipeBytes(Bytes):
    """A named pipe (or what stands behind /dev/stdin): read once, from its beginning to its end.

    Args:
        path: the pipe.
        name: what messages call it.
        patience: seconds without a byte after which its writer counts as dead.

    Raises:
        SourceError: nothing came through it.
    """

    def __init__(self, path: Path, name: str, patience: float) -> None:
        super().__init__(path)
        self._patience = patience
        self._stop = threading.Event()
        self._silent = False
        self._began = False
        try:
            # without waiting for a writer, which nothing could end
            self._handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise SourceError(f"{name}: it cannot be opened ({error.strerror}).") from None
        try:
            self._ahead = self._read(BUFFER)
            if not self._ahead:
                raise SourceError(
                    f"{name}: nothing came through the pipe in {patience:g} s; start the program that writes into it."
                )
        except BaseException:
            os.close(self._handle)
            raise

    def read(self, count: int) -> bytes:
        if self._ahead:
            data, self._ahead = self._ahead[:count], self._ahead[count:]
            return data
        return super().read(count)

    def _read(self, count: int) -> bytes:
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        until = time.monotonic() + self._patience
        while not self._stop.is_set():
            if time.monotonic() >= until:
                self._silent = True
                break
            if not poll.poll(1000 * POLL_S):
                continue
            data = os.read(self._handle, count)
            if data or self._began:
                self._began = True
                return data
            self._stop.wait(POLL_S)  # a writer hung up without a word; the next may come
        return b""

    @property
    def problem(self) -> str | None:
        if self._silent:
            return f"nothing came through the pipe for {self._patience:g} s"
        return super().problem

    def stop(self) -> None:
        """Ends a read that waits, from any thread."""
        self._stop.set()

    def close(self) -> None:
        """Calling it again does nothing."""
        self.stop()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def is_pipe(path: Path) -> bool:
    """Whether `path` is there and is a pipe."""
    return path.is_fifo()
