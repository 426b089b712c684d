"""A remote file as the byte stream that FFmpeg reads."""

from __future__ import annotations

import io
import os

from datasets.sources.byte_reader import SeekableBytes
from datasets.sources.truncation import torn
from datasets.storage.addresses import base_name
from datasets.storage.remote_file import SHELF, Key, RemoteFile
from models.errors import ChangedError, LiquidTrackError


class RemoteBytes(SeekableBytes):
    """Reads a `RemoteFile`; what fails ends the stream, and `problem` says why.

    Args:
        remote: the file, taken from the shelf.
        key: its place on the shelf.
    """

    def __init__(self, remote: RemoteFile, key: Key) -> None:
        super().__init__(base_name(remote.name))
        self.remote = remote
        self._key: Key | None = key
        self._at = 0
        self._failed: LiquidTrackError | None = None

    def _read(self, count: int) -> bytes:
        if self._failed is not None:
            return b""
        try:
            data = self.remote.read(self._at, count)
        except LiquidTrackError as error:
            self._failed = error
            return b""
        self._at += len(data)
        return data

    def again(self) -> RemoteBytes:
        if isinstance(self._failed, ChangedError) or self._key is None:
            raise ChangedError(f"{self.remote.name}: it was replaced while it was read; run again.")
        return RemoteBytes(SHELF.take(self._key, lambda: self.remote), self._key)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence, self.remote.size)
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    @property
    def problem(self) -> str | None:
        if self._failed is None:
            return super().problem
        return str(self._failed).removeprefix(f"{self.remote.name}: ").rstrip(".")

    def changed(self) -> str | None:
        if isinstance(self._failed, ChangedError):
            return "the file was replaced while it was read"
        return None if self._failed is not None else self.remote.changed()

    def torn(self) -> str | None:
        if self._failed is not None:
            return None
        try:
            with io.BufferedReader(self.remote.raw(), 16) as file:
                return torn(file, self.remote.size)
        except LiquidTrackError as error:
            self._failed = error
            return None

    @property
    def failure(self) -> LiquidTrackError | None:
        return self._failed

    def stop(self) -> None:
        self.remote.stop()

    def close(self) -> None:
        key, self._key = self._key, None
        if key is not None:
            SHELF.give_back(key)
