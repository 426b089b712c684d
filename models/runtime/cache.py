"""The cache folder, for files that can be computed or fetched again."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import ConfigError


def cache_folder() -> Path:
    """$LIQUIDTRACK_CACHE, else liquidtrack/ in the user's cache folder."""
    if own := os.environ.get("LIQUIDTRACK_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "liquidtrack"


def sha256(path: Path) -> str:
    """Checksum of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


ELSEWHERE = "make room, or set LIQUIDTRACK_CACHE to a folder of yours"


@contextmanager
def atomic(path: Path, help: str = ELSEWHERE) -> Iterator[Path]:
    """A temporary file beside `path` that replaces it at the end: a killed process leaves the old or the complete file.

    Args:
        path: the file.
        help: what to do where it cannot be written, for the error.

    Raises:
        ConfigError: the folder cannot be written, or is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".part", prefix=f".{path.stem}-", dir=path.parent)
    except OSError as error:
        raise ConfigError(f"{path.parent}: cannot be written to ({error.strerror}); {help}.") from error
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror or error}); {help}.") from error
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
