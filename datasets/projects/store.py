"""Reads and writes the tables of a project. Every function works inside the caller's transaction."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.projects.chunk_codec import decode, digest, encode
from datasets.projects.slots import Piece
from datasets.projects.state import PlaceChange, ProjectState, TrackUpdate, track_from_text
from datasets.projects.types import Path
from models.errors import DataError
from tracker.offline.types import Constraint

CACHE_BYTES = 40 << 20  # of rows that are kept as arrays
ROW_BYTES = 42  # of a row as arrays
PART_BYTES = 64 << 20  # of a blob; SQLite bounds one value to 1 GB


class Chunks:
    """The chunks of a project: writes new ones, and keeps the last read ones as arrays.

    Args:
        connection: the open file.
        name: of the project, for messages.

    Attributes:
        read_count, written_count: chunks decoded and chunks written since it was opened.
    """

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection, self._name = connection, name
        self._held: OrderedDict[int, Path] = OrderedDict()
        self._bytes = 0
        self.read_count = self.written_count = 0

    def read(self, chunk: int) -> Path:
        """The rows of a chunk.

        Raises:
            DataError: it is damaged or missing.
        """
        rows = self._held.get(chunk)
        if rows is not None:
            self._held.move_to_end(chunk)
            return rows
        found = self._connection.execute("SELECT data FROM chunk_data WHERE id=?", (chunk,)).fetchone()
        try:
            if found is None:
                raise ValueError("it is missing")
            rows = decode(found[0])
        except (ValueError, TypeError, DataError) as error:
            raise DataError(f"{self._name} is damaged at chunk {chunk} ({error}); take a copy from before.") from error
        self.read_count += 1
        self._keep(chunk, rows)
        return rows

    def write(self, rows: Path) -> Piece:
        """The piece of some rows of one slot; equal rows are written once."""
        piece = Piece.of(rows)
        data = encode(rows)
        mark = digest(data)
        found = self._connection.execute("SELECT id FROM chunk WHERE digest=?", (mark,)).fetchone()
        if found is None:
            summary = piece.first, piece.last, piece.size, piece.keys, piece.least
            insert = "INSERT INTO chunk (digest, first, last, count, keys, least) VALUES (?, ?, ?, ?, ?, ?)"
            chunk = self._connection.execute(insert, (mark, *summary)).lastrowid
            assert chunk is not None
            self._connection.execute("INSERT INTO chunk_data (id, data) VALUES (?, ?)", (chunk, data))
            self.written_count += 1
        else:
            chunk = int(found[0])
        return piece._replace(chunk=chunk, rows=None)

    def _keep(self, chunk: int, rows: Path) -> None:
        self._held[chunk] = rows
        self._bytes += len(rows) * ROW_BYTES
        while self._bytes > CACHE_BYTES and len(self._held) > 1:
            self._bytes -= len(self._held.popitem(last=False)[1]) * ROW_BYTES

    def forget(self) -> None:
        """Drops what is held, after a transaction that failed: its chunks' numbers are free again."""
        self._held.clear()
        self._bytes = 0


PIECE = "SELECT first, last, count, keys, least FROM chunk WHERE id=?"


def load_state(connection: sqlite3.Connection) -> ProjectState:
    """The state of now; no rows are read."""
    state = ProjectState()
    for id, text in connection.execute("SELECT id, content FROM track ORDER BY id"):
        state.say(id, track_from_text(id, text))
    query = (
        "SELECT p.track, p.slot, c.first, c.last, c.count, c.keys, c.least, c.id"
        " FROM placement p JOIN chunk c ON c.id=p.chunk"
    )
    for track, slot, *piece in connection.execute(query):
        state.place(track, slot, Piece(*piece))
    for seq, kind, target in connection.execute("SELECT seq, kind, target FROM journal ORDER BY seq"):
        state.note(seq, kind, target)
    state.next_id = int(get(connection, "next_id"))
    return state


def piece_of(connection: sqlite3.Connection, chunk: int) -> Piece | None:
    """The summary of a chunk; None where it was removed, since no state that can come again holds it."""
    found = connection.execute(PIECE, (chunk,)).fetchone()
    if found is None:
        return None
    first, last, size, keys, least = found
    return Piece(first, last, size, keys, least, chunk)


def remove_unreachable(connection: sqlite3.Connection, turning: Sequence[int]) -> int:
    """Removes the chunks that are placed nowhere, and that undo and redo cannot place again; how many they are.

    The chunk of the highest number stays, so that no number is given twice: another process may know rows by it.

    Args:
        connection: the open file, in a transaction.
        turning: the entries that undo or redo may turn.
    """
    connection.execute("CREATE TEMP TABLE turning (seq INTEGER PRIMARY KEY)")
    try:
        connection.executemany("INSERT INTO turning VALUES (?)", ((seq,) for seq in turning))
        query = (
            "SELECT id FROM chunk WHERE id < (SELECT max(id) FROM chunk) AND id NOT IN (SELECT chunk FROM placement"
            " UNION SELECT old FROM change WHERE old IS NOT NULL AND seq IN turning"
            " UNION SELECT new FROM change WHERE new IS NOT NULL AND seq IN turning)"
        )
        gone = connection.execute(query).fetchall()
        connection.executemany("DELETE FROM chunk_data WHERE id=?", gone)
        connection.executemany("DELETE FROM chunk WHERE id=?", gone)
        return len(gone)
    finally:
        connection.execute("DROP TABLE turning")


def changes_of(connection: sqlite3.Connection, seq: int) -> tuple[list[PlaceChange], list[TrackUpdate]]:
    """What an entry changed."""
    places = connection.execute("SELECT track, slot, old, new FROM change WHERE seq=?", (seq,))
    tracks = connection.execute("SELECT track, old, new FROM track_change WHERE seq=?", (seq,))
    return [PlaceChange(*row) for row in places], [TrackUpdate(*row) for row in tracks]


def inverse(
    places: Sequence[PlaceChange], tracks: Sequence[TrackUpdate]
) -> tuple[list[PlaceChange], list[TrackUpdate]]:
    """The changes that take these back."""
    return [PlaceChange(t, s, new, old) for t, s, old, new in places], [TrackUpdate(t, n, o) for t, o, n in tracks]


def write_places(connection: sqlite3.Connection, seq: int, places: Sequence[PlaceChange]) -> None:
    """Writes changed placements, and notes them under an entry."""
    connection.executemany(
        "INSERT INTO change (seq, track, slot, old, new) VALUES (?, ?, ?, ?, ?)", ((seq, *one) for one in places)
    )
    connection.executemany(
        "DELETE FROM placement WHERE track=? AND slot=?", ((t, s) for t, s, _, new in places if new is None)
    )
    connection.executemany(
        "INSERT OR REPLACE INTO placement (track, slot, chunk) VALUES (?, ?, ?)",
        ((t, s, new) for t, s, _, new in places if new is not None),
    )


def write_tracks(connection: sqlite3.Connection, seq: int, tracks: Sequence[TrackUpdate]) -> None:
    """Writes what is now said of tracks, and notes it under an entry."""
    connection.executemany(
        "INSERT INTO track_change (seq, track, old, new) VALUES (?, ?, ?, ?)", ((seq, *one) for one in tracks)
    )
    connection.executemany("DELETE FROM track WHERE id=?", ((t,) for t, _, new in tracks if new is None))
    connection.executemany(
        "INSERT OR REPLACE INTO track (id, content) VALUES (?, ?)",
        ((t, new) for t, _, new in tracks if new is not None),
    )


def write_entry(
    connection: sqlite3.Connection,
    time: float,
    who: str,
    kind: str,
    parameters: Mapping[str, Any],
    target: int | None = None,
    constraints: Sequence[Constraint] = (),
) -> int:
    """Appends an entry to the journal; its number."""
    try:
        text = json.dumps(dict(parameters), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"{kind}: a parameter is no JSON value ({error}); give numbers, texts and lists.") from error
    rows = np.array([(one.first, one.second, one.same) for one in constraints], "<i8").reshape(-1, 3)
    packed = zlib.compress(rows.tobytes(), 1) if len(rows) else b""
    insert = "INSERT INTO journal (time, who, kind, parameters, target, constraints) VALUES (?, ?, ?, ?, ?, ?)"
    seq = connection.execute(insert, (time, who, kind, text, target, packed)).lastrowid
    assert seq is not None
    return seq


def constraints_of(connection: sqlite3.Connection, seqs: Sequence[int]) -> Iterator[Constraint]:
    """The constraints of some entries, in their order."""
    for seq in seqs:
        packed = connection.execute("SELECT constraints FROM journal WHERE seq=?", (seq,)).fetchone()[0]
        if packed:
            for first, second, same in np.frombuffer(zlib.decompress(packed), "<i8").reshape(-1, 3).tolist():
                yield Constraint(first, second, bool(same))


def get(connection: sqlite3.Connection, key: str) -> Any:
    """A JSON value of the table `about`."""
    return json.loads(connection.execute("SELECT value FROM about WHERE key=?", (key,)).fetchone()[0])


def put(connection: sqlite3.Connection, key: str, value: Any) -> None:
    """Puts a JSON value into the table `about`."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    connection.execute("INSERT OR REPLACE INTO about (key, value) VALUES (?, ?)", (key, text))


def get_array(connection: sqlite3.Connection, key: str, dtype: str) -> NDArray[Any]:
    """An array of the table `about`."""
    data = connection.execute("SELECT value FROM about WHERE key=?", (key,)).fetchone()[0]
    return np.frombuffer(zlib.decompress(data), dtype).copy()


def put_array(connection: sqlite3.Connection, key: str, value: NDArray[Any], dtype: str) -> None:
    """Puts an array into the table `about`."""
    data = zlib.compress(np.ascontiguousarray(value, dtype).tobytes(), 1)
    connection.execute("INSERT OR REPLACE INTO about (key, value) VALUES (?, ?)", (key, data))


def get_blob(connection: sqlite3.Connection, name: str) -> bytes | None:
    """What was put under a name; None if nothing was."""
    parts = [row[0] for row in connection.execute("SELECT data FROM blob WHERE name=? ORDER BY part", (name,))]
    return b"".join(parts) if parts else None


def put_blob(connection: sqlite3.Connection, name: str, data: bytes | None) -> None:
    """Puts bytes under a name, in place of what was there; None removes them."""
    connection.execute("DELETE FROM blob WHERE name=?", (name,))
    if data is None:
        return
    for part, at in enumerate(range(0, max(len(data), 1), PART_BYTES)):
        connection.execute("INSERT INTO blob VALUES (?, ?, ?)", (name, part, data[at : at + PART_BYTES]))
