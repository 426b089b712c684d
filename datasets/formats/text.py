"""Common parts of all readers: bytes from disk (gzipped or not), text from bytes, and the handling of bad rows."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import stat
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from models.errors import DataError

log = logging.getLogger("liquidtrack.formats")

MAX_BYTES = 1 << 30  # of a file: ten hours with 100 boxes per frame take less
PIPE_BYTES = 1 << 27  # of a pipe or a device, which has no known size and may never end
SMALL_BYTES = 1 << 20  # of small files beside label files (data.yaml, seqinfo.ini, names), a few hundred lines
PACKED_BYTES, MAX_RATIO = 1 << 26, 100  # text compresses 5:1 to 30:1; above this size a ratio of 100:1 is a zip bomb
PATIENCE_S = 10.0  # time to wait for the first byte of a pipe

MAX_BAD_SHARE = 0.2  # largest share of rows that may be dropped
MAX_START = 1e9  # seconds: thirty years
HEAD = 1 << 16  # bytes read for format detection
GZIP, UTF_16 = b"\x1f\x8b", (b"\xff\xfe", b"\xfe\xff")


def read_bytes(path: Path, most: int = MAX_BYTES) -> bytes | bytearray:
    """The file's content of at most `most` bytes, unpacked if it is gzipped (by its first bytes, not by its name)."""
    out, held = bytearray(), 0
    for part, held in _parts(path, most):
        if not out and part[:2] in UTF_16:
            most = min(most, PIPE_BYTES)
        elif b"\0" in part and out[:2] not in UTF_16:
            raise DataError(f"{path} is not a text file (it holds NUL bytes); check that it is the right file.")
        out += part
        if len(out) > most:
            raise DataError(f"{path} {_too_large(most)}; check that it is the right file.")
        if len(out) > PACKED_BYTES and len(out) > MAX_RATIO * held:
            raise DataError(f"{path} unpacks to {MAX_RATIO} times its size and more, as no label file does; unpack it.")
    return out


def read_head(path: Path) -> str:
    """The beginning of the file, which is enough to distinguish formats."""
    with _reading(path):
        if stat.S_ISFIFO(path.stat().st_mode):
            raise DataError(f"{path} is a pipe, whose format cannot be told in advance; name the format or a file.")
        with path.open("rb") as file:
            data = file.read(HEAD)
        if data[:2] == GZIP:
            data = zlib.decompressobj(wbits=31).decompress(data, HEAD)
    return data.decode("utf-16" if data[:2] in UTF_16 else "utf-8", "replace")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Converts errors of the system and of zlib about `path` into this package's errors."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read ({reason}); check the path.") from error
    except zlib.error as error:
        raise DataError(f"{path} is a damaged gzip file ({error}); fetch or pack it again.") from error


def _too_large(most: int) -> str:
    size = f"{most >> 30} GiB" if most >= 1 << 30 else f"{most >> 20} MiB"
    return f"is larger than {size}, as no such file is"


def _parts(path: Path, most: int) -> Iterator[tuple[bytes, int]]:
    """The unpacked content in parts of 1 MiB, each with the number of bytes read from disk so far."""
    with _reading(path):
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise DataError(f"{path} is a folder; name the file in it.")
        if kind.st_size > most:
            raise DataError(f"{path} {_too_large(most)}; check that it is the right file.")
        with _opened(path, kind) as file:
            held, unpacker = 0, None
            while part := file.read(1 << 20):
                if not stat.S_ISREG(kind.st_mode) and held > PIPE_BYTES:
                    raise DataError(f"{path} gives more than {PIPE_BYTES >> 20} MiB; copy it into a file first.")
                if not held and part[:2] == GZIP:
                    unpacker = zlib.decompressobj(wbits=31)
                held += len(part)
                if unpacker is None:
                    yield part, held
                    continue
                while part:
                    if unpacker.eof:  # a gzip file may contain several members
                        part = part.lstrip(b"\0")
                        unpacker = zlib.decompressobj(wbits=31) if part else unpacker
                    if not part:
                        break
                    yield unpacker.decompress(part, 1 << 20), held
                    part = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            if unpacker is not None and not unpacker.eof:
                raise DataError(f"{path} is a gzip file that breaks off; fetch or pack it again.")


def _opened(path: Path, kind: os.stat_result) -> BinaryIO:
    """The file, open for reading; a pipe without a writer is refused after `PATIENCE_S`."""
    if not stat.S_ISFIFO(kind.st_mode) or not hasattr(select, "poll"):
        return path.open("rb")
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    if not poll.poll(1000 * PATIENCE_S):
        os.close(handle)
        raise DataError(f"{path} is a pipe into which nobody writes; start its writer first, or name a file.")
    os.set_blocking(handle, True)
    return open(handle, "rb")


def decode(data: bytes | bytearray, path: Path) -> str:
    """Decodes UTF-8, or UTF-16 with a byte-order mark as Windows shells write it; lines end in \\n only."""
    try:
        text = data.decode("utf-16" if data[:2] in UTF_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not a text file (byte {error.start} is no UTF-8); check that it is the right file."
        ) from error
    if "\0" in text:
        raise DataError(f"{path} is not a text file (it holds NUL bytes); check that it is the right file.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(path: Path, most: int = MAX_BYTES) -> str:
    """The text of a file of at most `most` bytes, gzipped or not."""
    return decode(read_bytes(path, most), path)


class BadRows:
    """Raises for the first bad row, or counts and drops bad rows if the user allows it.

    One bad row is dropped if there is any good row; more only up to a fifth of all rows. Above that the file probably
    has another format, and its remaining rows would be wrong.

    Attributes:
        count: bad rows so far.
        good: good rows, as far as they were counted.
    """

    def __init__(self, path: Path, skip: bool) -> None:
        self.path = path
        self.skip = skip
        self.count = 0
        self.good = 0
        self._first = ""

    def __call__(self, where: str, what: str) -> None:
        """Reports a bad row: `where` it is in the file (`line 812`), and `what` is wrong and would be right."""
        if not self.skip:
            raise DataError(f"{self.path.name} {where}: {what} (use --skip-bad-rows to drop such rows).")
        self.count += 1
        self._first = self._first or f"{where}: {what}"

    def report(self) -> None:
        """Logs one line if rows were dropped.

        Raises:
            DataError: so many rows are bad that the file probably has another format.
        """
        whole = self.count + self.good
        if self.count and (not self.good or self.count > max(1, MAX_BAD_SHARE * whole)):
            raise DataError(
                f"{self.path.name}: {self.count} of {whole} rows are bad, the first {self._first}; more than a fifth is"
                " not dropped, so check the file and its format."
            )
        if self.count:
            log.warning("%s: dropped %d bad rows, the first %s", self.path.name, self.count, self._first)


def number(value: Any) -> float | None:
    """A JSON number as float (inf if it is too large), None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def start_of(value: Any) -> float:
    """Time of the first frame on a file's own clock in seconds, from a header value; 0 if the value is not valid."""
    start = number(value)
    return start if start is not None and abs(start) < MAX_START else 0.0


def parse(token: str) -> float | None:
    """A number in a text file, None for anything else, also for Python's `1_000`."""
    try:
        return float(token) if token.isascii() and "_" not in token else None
    except ValueError:
        return None


def parse_all(tokens: Sequence[str]) -> list[float | None]:
    """`parse` of each token, with a fast path if all are numbers, the usual case."""
    joined = "".join(tokens)
    if joined.isascii() and "_" not in joined:
        try:
            return [float(token) for token in tokens]
        except ValueError:
            pass
    return [parse(token) for token in tokens]
