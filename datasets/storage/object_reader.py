"""Requests ranges of one file of a store, through fsspec."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Any

from datasets.storage.failures import failure, shown
from datasets.storage.filesystems import open_filesystem
from models.errors import ChangedError, SourceError


def version_of(info: dict[str, Any]) -> str:
    """What tells one content of a file from another: an etag, or the time of its last change; "" without either."""
    for name in ("ETag", "etag", "md5Hash", "content_md5"):
        if value := info.get(name):
            return str(value).strip('"')
    for name in ("LastModified", "last_modified", "mtime", "updated", "modified", "created"):
        if value := info.get(name):
            return value.isoformat() if hasattr(value, "isoformat") else str(value)
    return ""


class ObjectReader:
    """A `RangeReader` over a file of fsspec.

    Args:
        address: address of the file.

    Raises:
        StoreError: it cannot be opened.
        SourceError: it is a folder.
    """

    def __init__(self, address: str) -> None:
        self.name = shown(address)
        self._address = address
        self._files: Any = None  # an own connection, for two threads that take turns
        self._file: Any = None
        info = self._described()
        if info.get("type") == "directory":
            self.close()
            raise SourceError(f"{self.name}: it is a folder; name a recording in it.")
        self.size = int(info.get("size") or 0)
        self.version = version_of(info)

    def _described(self) -> dict[str, Any]:
        try:
            self._open()
            return dict(getattr(self._file, "details", None) or self._files.info(self._path))
        except Exception as error:
            said = failure(error, self._address)
            known = self._files is not None and not getattr(said, "transient", False)
            folder = known and _is_folder(self._files, self._path)
            self.close()
            if folder:
                raise SourceError(f"{self.name}: it is a folder; name a recording in it.") from None
            raise said from None

    def _open(self) -> None:
        self._files, self._path = open_filesystem(self._address, own=True)
        if "/" not in self._path:
            raise IsADirectoryError(self._path)  # a bucket
        self._file = _opened(self._files, self._path)

    def _info(self) -> dict[str, Any]:
        try:
            if self._files is None:
                self._open()
            return dict(self._files.info(self._path))
        except Exception as error:
            raise failure(error, self._address) from None

    def fetch(self, begin: int, end: int) -> bytes:
        """The bytes from `begin` until before `end`, see `RangeReader`."""
        try:
            if self._file is None:
                self._open()
            return _read(self._file, begin, end)
        except Exception as error:
            self.close()
            if isinstance(error, OSError) and error.errno in (errno.EINVAL, errno.ESTALE) and self.changed():
                raise ChangedError(f"{self.name}: it was replaced while it was read; run again.") from None
            raise failure(error, self._address) from None

    def changed(self) -> str | None:
        """How the file changed since it was opened; None if it did not, or grew as a recording does that goes on."""
        now = self._info()
        size = int(now.get("size") or 0)
        if size < self.size:
            return f"the file was cut from {self.size} to {size} bytes while it was read"
        if size == self.size and version_of(now) != self.version:
            return "the file was overwritten while it was read"
        return None

    def close(self) -> None:
        """Calling it again does nothing."""
        file, self._file = self._file, None
        files, self._files = self._files, None
        with contextlib.suppress(Exception):
            if file is not None:
                file.close()
        if hasattr(files, "close"):
            files.close()


def _is_folder(files: Any, path: str) -> bool:
    try:
        return bool(files.isdir(path))
    except Exception:
        return False


def _opened(files: Any, path: str) -> Any:
    try:
        return files.open(path, "rb", cache_type="none")
    except TypeError:  # a file system whose files have no cache
        return files.open(path, "rb")


def _read(file: Any, begin: int, end: int) -> bytes:
    if hasattr(file, "readv"):  # paramiko: the pieces of the range are asked for all at once
        data = b"".join(file.readv([(begin, end - begin)]))
    else:
        file.seek(begin, os.SEEK_SET)
        data = file.read(end - begin)
    if not data:
        raise EOFError
    return bytes(data)
