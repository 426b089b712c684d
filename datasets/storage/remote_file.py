"""A file that is read by ranges of bytes over a network, at any place, as if it were local.

Blocks are asked for in requests that double while a file is read in order, one of them ahead of the reader. What was
read is kept (`BlockCache`), also for who opens the same file again: a second pass asks for nothing.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from datasets.storage.block_cache import BLOCK, BlockCache
from datasets.storage.failures import StoreError
from models.errors import LiquidTrackError

MOST_BLOCKS = 16  # of one request: 8 MiB
KEPT_FILES = 2  # caches of files that nobody has open, for who opens them again
Key = tuple[str, str, int]  # process and address, version, size
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0)  # between tries of a request that failed


class RangeReader(Protocol):
    """Requests ranges of one file. `fetch` is called by one thread at a time."""

    name: str  # the address without credentials
    size: int  # bytes
    version: str  # changes when the content does: an etag, or a time of modification; "" where the store tells none

    def fetch(self, begin: int, end: int) -> bytes:
        """The bytes from `begin` until before `end`.

        Raises:
            StoreError: it failed; `transient` tells whether another try may help.
            ChangedError: the file is another one than when it was opened.
        """
        ...

    def changed(self) -> str | None:
        """How the file changed since it was opened, as the last part of a sentence; None if it did not."""
        ...

    def close(self) -> None: ...


class RemoteFile:
    """The bytes of a remote file, for many threads.

    Args:
        reader: requests the bytes; closed with the last user of the file.
        patience: seconds for which a request that fails is tried again.
        cache: where the blocks are kept; None makes one.

    Attributes:
        name: the address without credentials.
        size: bytes.
        requests: number of requests so far.
        fetched: number of bytes that came so far.
    """

    def __init__(self, reader: RangeReader, patience: float, cache: BlockCache | None = None) -> None:
        self.name, self.size = reader.name, reader.size
        self.requests = self.fetched = 0
        self._reader, self._patience = reader, patience
        self._cache = BlockCache() if cache is None else cache
        self._blocks = -(-self.size // BLOCK)
        self._lock = threading.RLock()  # guards the cache and what is asked for ahead
        self._ahead: tuple[range, Future[tuple[bytes, LiquidTrackError | None]]] | None = None
        self._broken: LiquidTrackError | None = None  # after all tries; the bytes before that stay
        self._rest = -1, b""  # a block of which only the beginning came
        self._worker = ThreadPoolExecutor(1, "liquidtrack-remote")
        self._closing = threading.Event()

    def read(self, at: int, count: int) -> bytes:
        """Up to `count` bytes from `at` on; fewer at the end, and before what cannot be had.

        Raises:
            StoreError: they cannot be had, after all tries.
            ChangedError: the file was replaced meanwhile.
        """
        end = min(self.size, at + count)
        pieces: list[bytes] = []
        with self._lock:
            while at < end:
                block = at // BLOCK
                try:
                    piece = self._block(block)[at - block * BLOCK : end - block * BLOCK]
                    if not piece:
                        raise self._broken or self._missing()
                except LiquidTrackError:
                    if pieces:
                        break  # what came before it is used first; the error is met again
                    raise
                pieces.append(piece)
                at += len(piece)
        return b"".join(pieces)

    def _missing(self) -> StoreError:
        return StoreError(f"{self.name}: a part of it is missing; it may have been replaced.")

    def seed(self, data: bytes) -> None:
        """Keeps the first bytes of the file, which came when it was opened."""
        self.requests += 1
        self.fetched += len(data)
        self._keep(0, data)

    def changed(self) -> str | None:
        """How the file changed since it was opened, as the last part of a sentence; None if it did not."""
        try:
            with self._lock:
                self._take_ahead()
                return self._reader.changed()
        except LiquidTrackError:
            return None  # what was read is whole; the store has become unreachable since

    def reads_with(self, reader: RangeReader) -> bool:
        """Whether this is the reader that it requests its bytes by."""
        return self._reader is reader

    def raw(self) -> io.RawIOBase:
        """A readable and seekable raw file over it; closing it leaves this file open."""
        return _Raw(self)

    def stop(self, stopping: bool = True) -> None:
        """Ends waiting between tries, or allows it again; may be called from any thread."""
        if stopping:
            self._closing.set()
        else:
            self._closing.clear()
            self._broken = None

    def close(self) -> None:
        """Calling it again does nothing."""
        self.stop()
        self._worker.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._cache.close()
            self._reader.close()

    def _block(self, block: int) -> bytes:
        """A block, from the cache or the network; the next ones are asked for ahead where they are read in order."""
        if (data := self._cache.get(block)) is None:
            if self._ahead is not None:
                self._take_ahead()  # a reader is for one request at a time
            if (data := self._cache.get(block)) is None and self._broken is None:
                wanted = self._window(block)
                self._keep(wanted.start, *self._tried(wanted))
                data = self._cache.get(block)
        if data is None:
            if self._rest[0] == block and self._rest[1]:
                return self._rest[1]
            raise self._broken or self._missing()
        self._look_ahead(block)
        return data

    def _window(self, block: int) -> range:
        """What one request asks for: as many blocks as are kept before `block`, up to the first that is kept."""
        run, most = 0, min(MOST_BLOCKS, self._cache.most // 4)
        while run < most and block - run - 1 in self._cache:
            run += 1
        end = block + 1
        while end < min(self._blocks, block + max(1, run)) and end not in self._cache:
            end += 1
        return range(block, end)

    def _look_ahead(self, block: int) -> None:
        """Asks for what follows, if the blocks before this one were read and the next ones are not there."""
        if self._ahead is not None or block == 0 or block - 1 not in self._cache or self._closing.is_set():
            return
        begin = next((b for b in range(block + 1, block + MOST_BLOCKS // 2) if b not in self._cache), None)
        if begin is None or begin >= self._blocks:
            return
        wanted = self._window(begin)
        self._ahead = wanted, self._worker.submit(self._tried, wanted)

    def _take_ahead(self) -> None:
        if self._ahead is not None:
            (wanted, future), self._ahead = self._ahead, None
            self._keep(wanted.start, *future.result())

    def _keep(self, block: int, data: bytes, broken: LiquidTrackError | None = None) -> None:
        for k in range(0, len(data), BLOCK):
            piece, at = data[k : k + BLOCK], block + k // BLOCK
            if len(piece) == BLOCK or at * BLOCK + len(piece) == self.size:
                self._cache.put(at, piece)
            else:
                self._rest = at, piece
        self._broken = broken

    def _tried(self, blocks: range) -> tuple[bytes, LiquidTrackError | None]:
        """The bytes of `blocks`, continued where an answer broke; and why they end early, after all tries."""
        at, end = blocks.start * BLOCK, min(self.size, blocks.stop * BLOCK)
        data = bytearray()
        until, tries = time.monotonic() + self._patience, 0
        while at < end:
            self.requests += 1
            error: LiquidTrackError | None = None
            piece = b""
            try:
                piece = self._reader.fetch(at, end)
            except LiquidTrackError as failed:
                error = failed
            if piece:
                self.fetched += len(piece)
                data += piece
                at += len(piece)
                until, tries = time.monotonic() + self._patience, 0
                continue
            error = error or StoreError(f"{self.name}: it cannot be reached (the connection was cut).", transient=True)
            pause = PAUSES_S[min(tries, len(PAUSES_S) - 1)]
            transient = isinstance(error, StoreError) and error.transient
            if not transient or time.monotonic() + pause > until or self._closing.wait(pause):
                return bytes(data), error
            tries += 1
        return bytes(data), None


class _Raw(io.RawIOBase):
    """A `RemoteFile` as a raw file of Python."""

    def __init__(self, remote: RemoteFile) -> None:
        self._remote, self._at = remote, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._remote.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence, self._remote.size)
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at


class _Shelf:
    """Remote files by address and version: open ones, and the last few that were closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: OrderedDict[Key, tuple[RemoteFile, int]] = OrderedDict()  # with its users

    def take(self, key: Key, make: Callable[[], RemoteFile]) -> RemoteFile:
        with self._lock:
            file, users = self._files.pop(key, (None, 0))
            file = make() if file is None else file
            file.stop(False)
            self._files[key] = file, users + 1
            return file

    def give_back(self, key: Key) -> None:
        with self._lock:
            file, users = self._files.pop(key)
            self._files[key] = file, users - 1
        self.clear(KEPT_FILES)

    def clear(self, kept: int = 0) -> None:
        """Closes all files that nobody has open but the last `kept`."""
        with self._lock:
            idle = [key for key, (_, users) in self._files.items() if users <= 0]
            closing = [self._files.pop(key)[0] for key in idle[: max(0, len(idle) - kept)]]
        for file in closing:
            file.close()


SHELF = _Shelf()
