"""What a project holds in memory: what is said of each track, and which chunk is where; no rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from datasets.projects.slots import Piece
from datasets.projects.types import Extents, Track


def track_to_text(track: Track) -> str:
    """A track as stored, without its id."""
    content = [track.label, track.name, track.attributes, track.changes, track.absences, track.locked, track.accepted]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def track_from_text(id: int, text: str) -> Track:
    """A stored track."""
    label, name, attributes, changes, absences, locked, accepted = json.loads(text)
    return Track(
        id,
        label,
        name,
        tuple((str(a), str(b)) for a, b in attributes),
        tuple((int(frame), str(a), str(b)) for frame, a, b in changes),
        tuple((int(first), int(last)) for first, last in absences),
        locked,
        accepted,
    )


class PlaceChange(NamedTuple):
    """What one entry of the journal did to one slot of one track: numbers of chunks, None where there is none."""

    track: int
    slot: int
    old: int | None
    new: int | None


class TrackUpdate(NamedTuple):
    """What one entry of the journal did to what is said of a track, as stored; None where the track is not there."""

    track: int
    old: str | None
    new: str | None


class ProjectState:
    """The tracks and pieces of now.

    Attributes:
        tracks: by id.
        places: pieces by track, then slot.
        slots: the tracks that have a piece in a slot.
        seq: the last entry of the journal, 0 without one.
        next_id: the smallest id that no track ever had.
        done: entries that hold and that undo takes back, the last first to go.
        held: entries that hold and that undo does not take back.
        undone: entries that redo brings again, the last first.
    """

    def __init__(self) -> None:
        self.tracks: dict[int, Track] = {}
        self.places: dict[int, dict[int, Piece]] = {}
        self.slots: dict[int, set[int]] = {}
        self.seq = 0
        self.next_id = 1
        self.done: list[int] = []
        self.held: list[int] = []
        self.undone: list[int] = []
        self._extents: Extents | None = None

    def place(self, track: int, slot: int, piece: Piece | None) -> None:
        """Puts a piece into a slot of a track, or takes it out."""
        if piece is None:
            self.places[track].pop(slot, None)
            self.slots[slot].discard(track)
        else:
            self.places.setdefault(track, {})[slot] = piece
            self.slots.setdefault(slot, set()).add(track)

    def say(self, id: int, track: Track | None) -> None:
        """Changes what is said of a track; None where it is no longer there."""
        if track is None:
            self.tracks.pop(id, None)
            self.places.pop(id, None)
        else:
            self.tracks[id] = track
            self.places.setdefault(id, {})

    def note(self, seq: int, kind: str, target: int | None) -> None:
        """Adds an entry of the journal to what undo and redo go by."""
        self.seq = seq
        if target is None:
            self.done.append(seq)
            self.undone.clear()
        elif target == 0:
            self.held.append(seq)
            self.undone.clear()
        elif kind == "undo":
            self.undone.append(self.done.pop())
        else:
            self.done.append(self.undone.pop())

    def touched(self, tracks: Iterable[int]) -> None:
        """Brings the extents of these tracks up to date."""
        if self._extents is None:
            return
        if len(changed := sorted(set(tracks))) > 1000:
            self._extents = None
            return
        table = self._extents
        ids = np.array(changed, np.int64)
        kept = ~np.isin(table.id, ids)
        new = self._rows([id for id in changed if id in self.tracks])
        columns = {}
        order = np.argsort(np.concatenate([table.id[kept], new.id]), kind="stable")
        for name in Extents.__slots__:
            columns[name] = np.concatenate([getattr(table, name)[kept], getattr(new, name)])[order]
        self._extents = Extents(**columns)

    def extents(self) -> Extents:
        """Of all tracks, sorted by id."""
        if self._extents is None:
            self._extents = self._rows(sorted(self.tracks))
        return self._extents

    def _rows(self, ids: list[int]) -> Extents:
        rows = np.full((4, len(ids)), -1, np.int64)
        rows[2:4] = 0
        least = np.ones(len(ids), np.float32)
        for k, id in enumerate(ids):
            pieces = self.places[id].values()
            if pieces:
                rows[0, k] = min(piece.first for piece in pieces)
                rows[1, k] = max(piece.last for piece in pieces)
                rows[2, k] = sum(piece.size for piece in pieces)
                rows[3, k] = sum(piece.keys for piece in pieces)
                least[k] = min(piece.least for piece in pieces)
        return Extents(np.array(ids, np.int64), rows[0], rows[1], rows[2], rows[3], least)
