"""What can be asked of an open project."""

from __future__ import annotations

import json
from pathlib import Path as FilePath

import numpy as np

from datasets.projects import detection_table, schema, store
from datasets.projects.chunk_codec import SLOT
from datasets.projects.ledger import Ledger
from datasets.projects.slots import Slots
from datasets.projects.statements import without_contradictions
from datasets.projects.types import COLUMNS, Entry, Extents, Path, Rows, SourceRecord, Track
from models.errors import DataError
from tracker.offline.types import Constraint, VideoDetections
from tracker.types import Float64, Int64


class ProjectContent:
    """The content of a project. All methods may be called from any thread; none changes anything.

    Args:
        path: the file.
        ledger: what is open of it.

    Attributes:
        path: its file.
        source: the video.
        frames: (F,) int64, the source's own frame numbers.
        times: (F,) float64, seconds.
        size: (width, height) of the pictures, pixels.
    """

    def __init__(self, path: FilePath, ledger: Ledger) -> None:
        self.path, self._ledger = path, ledger
        connection = ledger.connection
        with schema.damage(path):
            self.source = SourceRecord(**store.get(connection, "source"))
            self.size = self.source.width, self.source.height
            self.frames: Int64 = store.get_array(connection, "frames", "<i8").astype(np.int64)
            self.times: Float64 = store.get_array(connection, "times", "<f8").astype(np.float64)

    @property
    def seq(self) -> int:
        """Number of the last entry of the journal, 0 without one."""
        with self._ledger.reading():
            return self._ledger.state.seq

    @property
    def next_id(self) -> int:
        """The smallest id that no track ever had."""
        with self._ledger.reading():
            return self._ledger.state.next_id

    @property
    def names(self) -> tuple[str, ...]:
        """Class names."""
        with self._ledger.reading():
            return self._ledger.names

    @property
    def detection_count(self) -> int:
        """Rows of the detections; 0 without any."""
        with self._ledger.reading():
            return max(self._ledger.detection_count, 0)

    def tracks(self) -> tuple[Track, ...]:
        """What is said of all tracks, sorted by id."""
        with self._ledger.reading():
            return tuple(self._ledger.state.tracks[id] for id in sorted(self._ledger.state.tracks))

    def exists(self, id: int) -> bool:
        """Whether there is such a track now."""
        with self._ledger.reading():
            return id in self._ledger.state.tracks

    def changed_at(self, id: int, frame: int) -> int:
        """The last entry that holds and changed rows of a track in the slot of a frame; 0 without one."""
        with self._ledger.reading():
            query = "SELECT seq FROM change WHERE track=? AND slot=?"
            found = {seq for (seq,) in self._ledger.connection.execute(query, (id, frame // SLOT))}
            return max(found.intersection([*self._ledger.state.held, *self._ledger.state.done]), default=0)

    def meta(self, id: int) -> Track:
        """What is said of one track.

        Raises:
            DataError: there is no such track.
        """
        with self._ledger.reading():
            if id not in self._ledger.state.tracks:
                raise DataError(f"there is no track {id}; name one of the {len(self._ledger.state.tracks)} tracks.")
            return self._ledger.state.tracks[id]

    def slots(self, id: int) -> Slots:
        """The rows of one track, read when they are needed.

        Raises:
            DataError: there is no such track.
        """
        with self._ledger.reading():
            self.meta(id)
            return Slots(dict(self._ledger.state.places[id]), self._ledger.chunks.read)

    def track(self, id: int) -> tuple[Track, Path]:
        """What is said of one track, and all its rows.

        Raises:
            DataError: there is no such track.
        """
        with self._ledger.reading():
            return self.meta(id), self.slots(id).path()

    def rows(self, first: int, last: int) -> Rows:
        """All rows of frames first..last, of all tracks, sorted by frame, then id; only those are read."""
        with self._ledger.reading():
            ids: list[int] = []
            parts: list[Path] = []
            for slot in range(max(first, 0) // SLOT, min(last, len(self.times) - 1) // SLOT + 1):
                for id in self._ledger.state.slots.get(slot, ()):
                    piece = self._ledger.state.places[id][slot]
                    if piece.first <= last and piece.last >= first:
                        ids.append(id)
                        parts.append(self._ledger.chunks.read(piece.chunk).between(first, last))
            count = [len(part) for part in parts]
            id_of = np.repeat(np.array(ids, np.int64), count)
            frame = np.concatenate([np.zeros(0, np.int64), *(part.frame for part in parts)])
            order = np.lexsort((id_of, frame))
            if not parts:
                return Rows(id=id_of, **{name: getattr(Path.empty(), name) for name in COLUMNS})
            mask = None
            if any(part.mask is not None for part in parts):
                masks = [one for part in parts for one in (part.mask or (None,) * len(part))]
                mask = tuple(masks[k] for k in order.tolist())
            columns = {name: np.concatenate([getattr(part, name) for part in parts])[order] for name in COLUMNS}
            return Rows(id=id_of[order], mask=mask, **columns)

    def placements(self) -> Int64:
        """(P, 4) track, slot, chunk and number of rows of every piece, sorted by slot, then track; no rows are read."""
        with self._ledger.reading():
            found = [
                (track, slot, piece.chunk, piece.size)
                for track, pieces in self._ledger.state.places.items()
                for slot, piece in pieces.items()
            ]
        table = np.array(found, np.int64).reshape(-1, 4)
        return table[np.lexsort((table[:, 0], table[:, 1]))]

    def extents(self) -> Extents:
        """Where each track begins and ends, and how much of it is sure; no rows are read."""
        with self._ledger.reading():
            return self._ledger.state.extents()

    def detections(self, embeddings: bool = True) -> VideoDetections | None:
        """What was detected, read as a whole; None where the project was made without."""
        with self._ledger.reading():
            if self._ledger.detection_count < 0:
                return None
            return detection_table.read(self._ledger.connection, self.times, embeddings)

    def journal(self, after: int = 0) -> list[Entry]:
        """The entries after number `after`, oldest first."""
        with self._ledger.reading():
            found: dict[int, set[int]] = {}
            for table in ("change", "track_change"):
                for seq, track in self._ledger.connection.execute(
                    f"SELECT DISTINCT seq, track FROM {table} WHERE seq>?", (after,)
                ):
                    found.setdefault(seq, set()).add(track)
            rows = self._ledger.connection.execute(
                "SELECT seq, time, who, kind, parameters FROM journal WHERE seq>? ORDER BY seq", (after,)
            )
            with schema.damage(self.path):
                return [
                    Entry(seq, at, who, kind, json.loads(text), tuple(sorted(found.get(seq, ()))))
                    for seq, at, who, kind, text in rows
                ]

    def constraints(self) -> tuple[Constraint, ...]:
        """What the operations that hold now say about detections, oldest first, without what later ones contradict."""
        with self._ledger.reading():
            connection = self._ledger.connection
            with schema.damage(self.path):
                said = list(store.constraints_of(connection, [*self._ledger.state.held, *self._ledger.state.done]))
            rows = [*(one.first for one in said), *(one.second for one in said)]
            return without_contradictions(said, detection_table.frames_of(connection, rows) if said else [])

    def blob(self, name: str) -> bytes | None:
        """Bytes that were put under a name; None if none were."""
        with self._ledger.reading():
            return store.get_blob(self._ledger.connection, name)
