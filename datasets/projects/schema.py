"""The SQLite file of a project: its tables, its version, and how files of older versions are brought up to it."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from models.errors import DataError

APPLICATION = 0x4C54524B  # "LTRK", SQLite's application_id
VERSION = 1  # SQLite's user_version
WHOLE_CHECK_BYTES = 32 << 20  # files up to this size are checked as a whole when they are opened
BUSY_S = 10.0  # longest wait for another process that writes
CACHE_KIB = 16 << 10

TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE track (id INTEGER PRIMARY KEY, content TEXT NOT NULL);
-- rows of one track in one slot of frames; never changed, never removed
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, first INTEGER NOT NULL, last INTEGER NOT NULL,
    count INTEGER NOT NULL, keys INTEGER NOT NULL, least REAL NOT NULL
);
CREATE TABLE chunk_data (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
-- which chunk is where now
CREATE TABLE placement (
    track INTEGER NOT NULL, slot INTEGER NOT NULL, chunk INTEGER NOT NULL, PRIMARY KEY (track, slot)
) WITHOUT ROWID;
-- target: the entry that an undo or redo is about; 0 of an entry that undo does not take back
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY, time REAL NOT NULL, who TEXT NOT NULL, kind TEXT NOT NULL, parameters TEXT NOT NULL,
    target INTEGER, constraints BLOB NOT NULL
);
CREATE TABLE change (
    seq INTEGER NOT NULL, track INTEGER NOT NULL, slot INTEGER NOT NULL, old INTEGER, new INTEGER,
    PRIMARY KEY (seq, track, slot)
) WITHOUT ROWID;
CREATE TABLE track_change (
    seq INTEGER NOT NULL, track INTEGER NOT NULL, old TEXT, new TEXT, PRIMARY KEY (seq, track)
) WITHOUT ROWID;
CREATE TABLE detection (part INTEGER PRIMARY KEY, data BLOB NOT NULL, embedding BLOB);
CREATE TABLE blob (name TEXT NOT NULL, part INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (name, part));
"""

Step = Callable[[sqlite3.Connection], None]
# from a version to the next; each step runs in one transaction with the new version's number
MIGRATIONS: Mapping[int, Step] = {}


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """SQLite's errors as one sentence about the project's file.

    Raises:
        DataError: instead of `sqlite3.Error`.
    """
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where a message quotes damaged bytes
        text = str(error)
        if "locked" in text or "busy" in text:
            raise DataError(f"{path} is being written by another process; close it there.") from error
        if "full" in text:
            raise DataError(f"{path} cannot be written: the disk is full; nothing was changed.") from error
        if "readonly" in text or "read-only" in text:
            raise DataError(f"{path} cannot be written; check its rights, nothing was changed.") from error
        if "unable to open" in text or "I/O" in text:
            raise DataError(f"{path} cannot be read or written ({text}); check the path and the disk.") from error
        raise DataError(f"{path} is damaged ({text}); take a copy from before.") from error


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """What Python raises for content that does not belong together, as one sentence; only around what reads the file.

    Raises:
        DataError: instead of the errors of `json`, `zlib` and NumPy.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, zlib.error) as error:
        what = f"{type(error).__name__}: {error}".split("\n")[0][:100]
        raise DataError(f"{path} is damaged ({what}); take a copy from before.") from error


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection in autocommit mode: transactions are begun by hand.

    Args:
        path: the file.
        mode: SQLite's: "ro", "rw", "rwc".
    """
    address = f"{path.absolute().as_uri()}?mode={mode}"
    options = {"uri": True, "isolation_level": None, "check_same_thread": False, "timeout": BUSY_S}
    connection = sqlite3.connect(address, **options)  # type: ignore[arg-type]
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if mode != "ro" or path.with_name(f"{path.name}-wal").exists():
            raise
        # a write-ahead log cannot be made beside a file in a folder that is only for reading; nobody writes there
        connection = sqlite3.connect(f"{address}&immutable=1", **options)  # type: ignore[arg-type]
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    return connection


def make(connection: sqlite3.Connection) -> None:
    """The tables of a new project. A file that is only half made is never used, so that no journal is kept of it."""
    connection.execute("PRAGMA journal_mode=OFF")
    connection.executescript(TABLES)
    connection.execute(f"PRAGMA application_id={APPLICATION}")
    connection.execute(f"PRAGMA user_version={VERSION}")


def check_file(path: Path) -> None:
    """Checks by its first bytes that a file is a project, and whole.

    Raises:
        DataError: it is missing, is none, or is cut off.
    """
    try:
        with path.open("rb") as file:
            head = file.read(100)
            length = file.seek(0, 2)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the path.") from None
    if len(head) < 100 and (not head or b"SQLite format 3\0".startswith(head[:16])):
        raise DataError(f"{path} is cut off after {length} bytes; take a copy from before.")
    if not head.startswith(b"SQLite format 3\0") or struct.unpack_from(">I", head, 68)[0] != APPLICATION:
        raise DataError(f"{path} is no project of liquidtrack; give a file that ends in .liquidtrack.")
    page, pages = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
    page = 65536 if page == 1 else page
    log = path.with_name(f"{path.name}-wal")
    if length < page * pages and not (log.exists() and log.stat().st_size):  # a log holds what is not yet in the file
        raise DataError(f"{path} is cut off: {length} of {page * pages} bytes are there; take a copy from before.")


def check_version(connection: sqlite3.Connection, path: Path, write: bool) -> None:
    """Brings an older file up to this program's version; small files are checked as a whole.

    Raises:
        DataError: the file is of a newer version, of an older one and open for reading only, or damaged.
    """
    if path.stat().st_size <= WHOLE_CHECK_BYTES:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DataError(f"{path} is damaged ({found.splitlines()[-1]}); take a copy from before.")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise DataError(
            f"{path} is a project of version {version}, this program reads up to {VERSION}; update liquidtrack."
        )
    if version < 1:
        raise DataError(f"{path} is damaged (version {version}); take a copy from before.")
    if version < VERSION and not write:
        raise DataError(
            f"{path} is a project of version {version}, this program reads {VERSION}; open it once for writing, which"
            " brings it up to date."
        )
    while version < VERSION:
        connection.execute("BEGIN IMMEDIATE")
        try:
            MIGRATIONS[version](connection)
            version += 1
            connection.execute(f"PRAGMA user_version={version}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
