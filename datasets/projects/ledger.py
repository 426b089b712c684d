"""The state of an open project's file and the transactions that change it, each with its entry in the journal."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

from datasets.projects import schema, store
from datasets.projects.slots import Slots
from datasets.projects.state import PlaceChange, TrackUpdate, track_from_text, track_to_text
from datasets.projects.types import Entry, Path, Track
from models.errors import DataError
from tracker.offline.types import Constraint

Content = tuple[Track, Path | Slots] | None


class Ledger:
    """The connection to the file, and what is held in memory of it.

    Args:
        path: the file.
        connection: opened by `schema.connect`.
        writes: whether transactions may change it.

    Attributes:
        state: of now.
        chunks: the rows.
        names: class names.
        detection_count: rows of the detections; -1 where there are none yet.
    """

    def __init__(self, path: FilePath, connection: sqlite3.Connection, writes: bool) -> None:
        self._path, self._writes = path, writes
        self.connection = connection
        self._guard = threading.RLock()
        self._depth = 0
        self.closed = False
        self._version = connection.execute("PRAGMA data_version").fetchone()[0]
        self.chunks = store.Chunks(connection, str(path))
        connection.execute("BEGIN")  # one view of the file
        with schema.damage(path):
            self.state = store.load_state(connection)
            self.names: tuple[str, ...] = tuple(store.get(connection, "names"))
            self.detection_count = int(store.get(connection, "detections"))
        connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the connection, which brings what is in the log into the file."""
        with self._guard:
            if not self.closed:
                self.closed = True
                self.connection.close()

    def check_open(self, write: bool = False) -> None:
        """Checks that the file is open, and for writing where it is to be written.

        Raises:
            DataError: it is not.
        """
        if self.closed:
            raise DataError(f"{self._path} is closed; open it again.")
        if write and not self._writes:
            raise DataError(f"{self._path} is open for reading only; open it for writing.")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Held while something is read; a project that another process writes is brought up to date first."""
        with self._guard, schema.faults(self._path):
            self.check_open()
            if not self._writes and self._depth == 0:
                self._follow()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: on a normal end it is on the disk, on an error nothing has changed."""
        with self._guard, schema.faults(self._path):
            self.check_open(write=True)
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                self.chunks.forget()
                raise

    def write_edit(
        self,
        kind: str,
        parameters: Mapping[str, Any],
        contents: Iterable[tuple[int, Content]],
        who: str,
        constraints: Sequence[Constraint] = (),
        target: int | None = None,
    ) -> Entry:
        """Appends an entry, and puts the new content of tracks in place of the old one."""
        with self._guard:
            places: list[PlaceChange] = []
            tracks: list[TrackUpdate] = []
            pieces = {}
            now = time.time()
            with self.writing():
                self._check_seq()
                seq = store.write_entry(self.connection, now, who, kind, parameters, target, constraints)
                next_id = self.state.next_id
                for id, content in contents:
                    next_id = max(next_id, id + 1)
                    old = self.state.places.get(id, {})
                    new = {} if content is None else Slots.of(content[1]).pieces
                    for slot in sorted(old.keys() | new.keys()):
                        piece = new.get(slot)
                        if piece is not None and piece.rows is not None:
                            piece = self.chunks.write(piece.rows)
                        before = old[slot].chunk if slot in old else None
                        after = None if piece is None else piece.chunk
                        if before != after:
                            places.append(PlaceChange(id, slot, before, after))
                            pieces[id, slot] = piece
                    said = self.state.tracks.get(id)
                    texts = (
                        None if said is None else track_to_text(said),
                        None if content is None else track_to_text(content[0]),
                    )
                    if texts[0] != texts[1]:
                        tracks.append(TrackUpdate(id, *texts))
                store.write_places(self.connection, seq, places)
                store.write_tracks(self.connection, seq, tracks)
                if next_id != self.state.next_id:
                    store.put(self.connection, "next_id", next_id)
            self.state.next_id = next_id
            for (id, slot), piece in pieces.items():
                self.state.place(id, slot, piece)
            return self._enter(seq, now, who, kind, dict(parameters), target, places, tracks)

    def turn(self, kind: str, who: str) -> Entry | None:
        """Undo or redo, as an entry of its own; None if there is nothing to turn."""
        with self._guard:
            self.check_open(write=True)
            stack = self.state.done if kind == "undo" else self.state.undone
            if not stack:
                return None
            now = time.time()
            target = stack[-1]
            with self.writing():
                self._check_seq()
                places, tracks = store.changes_of(self.connection, target)
                if kind == "undo":
                    places, tracks = store.inverse(places, tracks)
                query = "SELECT kind FROM journal WHERE seq=?"
                parameters = {"seq": target, "kind": self.connection.execute(query, (target,)).fetchone()[0]}
                seq = store.write_entry(self.connection, now, who, kind, parameters, target)
                store.write_places(self.connection, seq, places)
                store.write_tracks(self.connection, seq, tracks)
            self._place(places)
            return self._enter(seq, now, who, kind, parameters, target, places, tracks)

    def compact(self) -> int:
        """Removes the chunks that nothing can bring back, in one transaction; how many they were."""
        with self._guard:
            with self.writing():
                self._check_seq()
                count = store.remove_unreachable(self.connection, [*self.state.done, *self.state.undone])
            if count:
                self.chunks.forget()
            return count

    def _enter(
        self,
        seq: int,
        now: float,
        who: str,
        kind: str,
        parameters: Mapping[str, Any],
        target: int | None,
        places: Sequence[PlaceChange],
        tracks: Sequence[TrackUpdate],
    ) -> Entry:
        """Brings the state up to an entry that is written; its pieces are in place already."""
        for id, _, text in tracks:
            self.state.say(id, None if text is None else track_from_text(id, text))
        changed = {one.track for one in places} | {one.track for one in tracks}
        self.state.touched(changed)
        self.state.note(seq, kind, target)
        return Entry(seq, now, who, kind, parameters, tuple(sorted(changed)))

    def _place(self, places: Sequence[PlaceChange]) -> None:
        for id, slot, _, chunk in places:
            piece = None if chunk is None else store.piece_of(self.connection, chunk)
            if chunk is None or piece is not None:  # else a later entry puts another one there
                self.state.place(id, slot, piece)

    def _check_seq(self) -> None:
        """Another process cannot write while this one has the lock, but where no file can be locked it might have."""
        last = self.connection.execute("SELECT max(seq) FROM journal").fetchone()[0] or 0
        if last != self.state.seq:
            raise DataError(f"{self._path} was changed by another process meanwhile; close it and open it again.")

    def _follow(self) -> None:
        """Brings the state up to what another process has written."""
        version = self.connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return
        self._version = version
        self.connection.execute("BEGIN")  # one view of the file
        try:
            query = "SELECT seq, time, who, kind, target FROM journal WHERE seq>? ORDER BY seq"
            for seq, now, who, kind, target in self.connection.execute(query, (self.state.seq,)).fetchall():
                places, tracks = store.changes_of(self.connection, seq)
                self._place(places)
                self._enter(seq, now, who, kind, {}, target, places, tracks)
            self.state.next_id = int(store.get(self.connection, "next_id"))
            self.names = tuple(store.get(self.connection, "names"))
            self.detection_count = int(store.get(self.connection, "detections"))
        finally:
            self.connection.execute("COMMIT")
