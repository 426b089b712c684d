"""The output file of a muxer: bytes are written to the system at once; after a failure nothing more is written."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from models.errors import ConfigError

STDOUT = Path("-")
STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")  # may refer to files, but are treated as streams


def is_stdout(path: Path) -> bool:
    """Whether it is this process's standard output."""
    return path == STDOUT or str(path) in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def is_stream(path: Path) -> bool:
    """Whether it is standard output, a device or a pipe: these hold no user data and get no side files."""
    if path == STDOUT or str(path).startswith(STREAMS):
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


class OutputFile:
    """A file that muxers write to. After a failed write further bytes are discarded: a partial ending would damage it.

    Every byte is passed to the system at once, so that a kill loses nothing that was written.
    """

    def __init__(self, path: Path) -> None:
        self.broken = False
        self._truncated = False
        try:
            # An existing file is truncated only when the first byte is written.
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            hint = "choose another place" if path.parent.is_dir() else f"make the folder {path.parent} first"
            raise ConfigError(f"{path} cannot be written ({reason(error)}); {hint}.") from None

    def write(self, data: Any) -> int:
        view = memoryview(data)
        if self.broken:
            return len(view)
        try:
            if not self._truncated:
                if os.fstat(self._handle).st_size:
                    os.ftruncate(self._handle, 0)
                self._truncated = True
            done = 0
            while done < len(view):
                done += os.write(self._handle, view[done:])
        except OSError:
            self.broken = True
            raise
        return len(view)

    def read(self, count: int = -1) -> bytes:
        """Reads bytes written before. The muxer never calls it, but its interface requires the method."""
        return os.read(self._handle, max(count, 0))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._handle, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._handle, 0, os.SEEK_CUR)

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        os.close(self._handle)


def reason(error: Exception) -> str:
    """The error message of the system or of FFmpeg."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
