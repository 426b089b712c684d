"""Byte input for FFmpeg: one open handle per file for all reads, a timeout for pipes, and a limit on bytes without
packets.
"""

from __future__ import annotations

import os
import select
import threading
import time
from pathlib import Path
from typing import BinaryIO

from datasets.sources.truncation import torn
from models.errors import ChangedError, LiquidTrackError, SourceError

BUFFER = 1 << 18  # bytes that FFmpeg requests at once; few calls mean few waits for the interpreter's lock
BARREN = 100 << 20  # largest number of bytes without a packet; an 8K image as BGR has less
HEAD = 1 << 16  # first bytes that are compared to detect an overwritten file
POLL_S = 0.1


class Bytes:
    """A byte stream for FFmpeg. It reports the end of the file after BARREN bytes without a packet.

    Args:
        path: a path, or what stands for one; its suffix is a hint at the format.

    Attributes:
        name: name given to FFmpeg.
    """

    def __init__(self, path: Path | str) -> None:
        self.name = f"file:{path}"
        self._left = BARREN

    def begin(self) -> None:
        """Resets the count of bytes without a packet."""
        self._left = BARREN

    def packet(self) -> None:
        """Notes that a packet was read, which resets the count, except after the end."""
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
        """Why reading stopped before the end, as the last part of a sentence, or None."""
        if self._left <= 0:
            return f"{BARREN >> 20} MB without a picture or a sound follow"
        return None

    def stop(self) -> None:
        """Ends a waiting read; may be called from any thread."""

    def close(self) -> None:
        raise NotImplementedError


class SeekableBytes(Bytes):
    """Bytes of known length that can be read at any place, and again."""

    def again(self) -> SeekableBytes:
        """The same bytes, from their beginning on.

        Raises:
            ChangedError: they are others by now.
        """
        raise NotImplementedError

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves the position and returns it."""
        raise NotImplementedError

    def tell(self) -> int:
        """Position of the next read."""
        raise NotImplementedError

    def changed(self) -> str | None:
        """How the file changed since it was opened, as the last part of a sentence; None if it did not, or grew."""
        raise NotImplementedError

    def torn(self) -> str | None:
        """What is missing of the file, see `truncation.torn`."""
        raise NotImplementedError

    @property
    def failure(self) -> LiquidTrackError | None:
        """Why reading ended early, where that is no fault of the file: a network, a server."""
        return None

    def check(self) -> None:
        """Raises the failure, if there is one."""
        if self.failure is not None:
            raise self.failure


class FileBytes(SeekableBytes):
    """A regular file. Reading continues if the file is moved, deleted or replaced under its name.

    Args:
        path: the file.
        name: name in messages.
        first: the same file as opened before, to be read again from its beginning.

    Raises:
        SourceError: it cannot be opened, or is empty.
        ChangedError: the path of `first` is now another file, and the system cannot reopen the original.
    """

    def __init__(self, path: Path, name: str, first: FileBytes | None = None) -> None:
        super().__init__(path)
        self._path, self._name = path, name
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
        """(inode, device), which identify the file regardless of its name."""
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

    def again(self) -> FileBytes:
        return FileBytes(self._path, self._name, self)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        if base is None:
            base = os.fstat(self._file.fileno()).st_size
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def changed(self) -> str | None:
        now = os.fstat(self._file.fileno())
        if now.st_size < self._before.st_size:
            return f"the file was cut from {self._before.st_size} to {now.st_size} bytes while it was read"
        if now.st_mtime_ns != self._before.st_mtime_ns and self._pread(len(self._head), 0) != self._head:
            return "the file was overwritten while it was read"
        return None

    def torn(self) -> str | None:
        with os.fdopen(os.dup(self._file.fileno()), "rb") as file:
            return torn(file)

    def close(self) -> None:
        """Calling it again does nothing."""
        self._file.close()


class PipeBytes(Bytes):
    """A named pipe (or the pipe behind /dev/stdin), read once from beginning to end.

    Args:
        path: the pipe.
        name: name in messages.
        patience: seconds without a byte after which the writer counts as dead.

    Raises:
        SourceError: no byte was received.
    """

    def __init__(self, path: Path, name: str, patience: float) -> None:
        super().__init__(path)
        self._patience = patience
        self._stop = threading.Event()
        self._silent = False
        self._began = False
        try:
            # non-blocking, because waiting for a writer could not be interrupted
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
            self._stop.wait(POLL_S)  # a writer closed the pipe without sending; another may follow
        return b""

    @property
    def problem(self) -> str | None:
        if self._silent:
            return f"nothing came through the pipe for {self._patience:g} s"
        return super().problem

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        """Calling it again does nothing."""
        self.stop()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def is_pipe(path: Path) -> bool:
    """Whether `path` exists and is a pipe."""
    return path.is_fifo()
