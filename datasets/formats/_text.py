"""What every reader starts with: bytes from disk (gzipped or not), text from bytes, and what to do with a bad row."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import DataError

log = logging.getLogger("liquidtrack.formats")

MAX_BYTES = 1 << 30  # of text after unpacking: ten hours of a hundred boxes a frame take less; a gzip bomb takes more

HEAD = 1 << 16  # bytes


def read_bytes(path: Path) -> bytes:
    """The file's content, unpacked where it is gzipped (by its first bytes, not by its name)."""
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder; name the file in it.")
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} is larger than 1 GiB, which no label file is; check that it is the right file.")
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read ({reason}); check the path.") from error
    return _unpack(data, path) if data[:2] == b"\x1f\x8b" else data


def read_head(path: Path) -> str:
    """The first thousands of characters, whatever they are: enough to tell formats apart."""
    try:
        with path.open("rb") as file:
            data = file.read(HEAD)
        if data[:2] == b"\x1f\x8b":
            data = zlib.decompressobj(wbits=31).decompress(data, HEAD)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read ({reason}); check the path.") from error
    except zlib.error as error:
        raise DataError(f"{path} is a damaged gzip file ({error}); fetch or pack it again.") from error
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")


def _unpack(data: bytes, path: Path) -> bytes:
    out, left = bytearray(), data
    try:
        while left:  # a gzip file may hold several members one after the other
            unpacker = zlib.decompressobj(wbits=31)
            out += unpacker.decompress(left, MAX_BYTES - len(out) + 1)
            if len(out) > MAX_BYTES:
                raise DataError(
                    f"{path} unpacks to more than 1 GiB, which no label file does; check that it is the right file."
                )
            if not unpacker.eof:
                raise DataError(f"{path} is a gzip file that breaks off; fetch or pack it again.")
            left = unpacker.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise DataError(f"{path} is a damaged gzip file ({error}); fetch or pack it again.") from error
    return bytes(out)


def decode(data: bytes, path: Path) -> str:
    """UTF-8, or UTF-16 with a byte-order mark as Windows shells write it; lines end in \\n alone."""
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not a text file (byte {error.start} is no UTF-8); check that it is the right file."
        ) from error
    if "\0" in text:
        raise DataError(f"{path} is not a text file (it holds NUL bytes); check that it is the right file.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(path: Path) -> str:
    """The text of a file, gzipped or not."""
    return decode(read_bytes(path), path)


class BadRows:
    """Raises for the first bad row, or counts and drops bad rows where the user asked for that."""

    def __init__(self, path: Path, skip: bool) -> None:
        self.path = path
        self.skip = skip
        self.count = 0
        self._first = ""

    def __call__(self, where: str, what: str) -> None:
        """`where` in the file (`line 812`), `what` is wrong with it and what would be right."""
        if not self.skip:
            raise DataError(f"{self.path.name} {where}: {what} (use --skip-bad-rows to drop such rows).")
        self.count += 1
        self._first = self._first or f"{where}: {what}"

    def report(self) -> None:
        """One line in the log where rows were dropped."""
        if self.count:
            log.warning("%s: dropped %d bad rows, the first %s", self.path.name, self.count, self._first)


def number(value: Any) -> float | None:
    """A JSON number as float (inf where it is too large), None where it is something else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def parse(token: str) -> float | None:
    """A number in a text file, None where it is something else, also for Python's own `1_000`."""
    try:
        return float(token) if token.isascii() and "_" not in token else None
    except ValueError:
        return None


def parse_all(tokens: Sequence[str]) -> list[float | None]:
    """`parse` of each, quickly where all are numbers, as nearly always."""
    joined = "".join(tokens)
    if joined.isascii() and "_" not in joined:
        try:
            return [float(token) for token in tokens]
        except ValueError:
            pass
    return [parse(token) for token in tokens]
