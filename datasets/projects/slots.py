"""The rows of a track in pieces, one for each slot of frames, of which only those that are needed are read.

An operation on a track of two hours touches one or two slots: all others keep their chunk, unread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from datasets.projects.chunk_codec import SLOT
from datasets.projects.types import Path, concatenate, merge
from tracker.types import Int64


class Piece(NamedTuple):
    """The rows of one track in one slot: a summary, and the number of the chunk or the rows themselves.

    Attributes:
        first, last: frames.
        size: rows, at least one.
        keys: key frames.
        least: the smallest known link; 1 without any.
        chunk: its number in the project; -1 for rows that are not written yet.
        rows: the rows, of such.
    """

    first: int
    last: int
    size: int
    keys: int
    least: float
    chunk: int = -1
    rows: Path | None = None

    @classmethod
    def of(cls, rows: Path) -> Piece:
        """The piece of some rows, which lie within one slot."""
        return cls(
            int(rows.frame[0]),
            int(rows.frame[-1]),
            len(rows),
            int(rows.key.sum()),
            float(np.fmin.reduce(rows.link, initial=1.0)),
            rows=rows,
        )


Read = Callable[[int], Path]


@dataclass(frozen=True, eq=False, slots=True)
class Slots:
    """The rows of a track; every method that changes something returns other slots.

    Attributes:
        pieces: by slot; none is empty.
        read: gives the rows of a chunk.
    """

    pieces: Mapping[int, Piece]
    read: Read

    @classmethod
    def of(cls, rows: Path | Slots) -> Slots:
        """Rows cut into slots; slots are returned unchanged."""
        return cls(_pieces(rows), _nothing) if isinstance(rows, Path) else rows

    def __len__(self) -> int:
        return sum(piece.size for piece in self.pieces.values())

    @property
    def first(self) -> int:
        """Its first frame; -1 without rows."""
        return self.pieces[min(self.pieces)].first if self.pieces else -1

    @property
    def last(self) -> int:
        """Its last frame; -1 without rows."""
        return self.pieces[max(self.pieces)].last if self.pieces else -1

    def rows_of(self, slot: int) -> Path:
        """The rows of one slot."""
        piece = self.pieces.get(slot)
        if piece is None:
            return Path.empty()
        return self.read(piece.chunk) if piece.rows is None else piece.rows

    def path(self) -> Path:
        """All rows."""
        return concatenate([self.rows_of(slot) for slot in sorted(self.pieces)])

    def between(self, first: int, last: int) -> Path:
        """The rows of frames first..last."""
        return concatenate([rows.between(first, last) for rows in self._reading(first, last)])

    def _reading(self, first: int, last: int) -> Iterator[Path]:
        for slot in sorted(self.pieces):
            if self.pieces[slot].first <= last and self.pieces[slot].last >= first:
                yield self.rows_of(slot)

    def has(self, frame: int) -> bool:
        """Whether there is a row in a frame."""
        return len(self.between(frame, frame)) > 0

    def before(self, frame: int) -> Slots:
        """Only the rows before a frame."""
        return self.without(frame, np.iinfo(np.int64).max)

    def since(self, frame: int) -> Slots:
        """Only the rows from a frame on."""
        return self.without(-1, frame - 1)

    def without(self, first: int, last: int) -> Slots:
        """Only the rows outside first..last."""
        pieces = {}
        for slot, piece in self.pieces.items():
            if piece.last < first or piece.first > last:
                pieces[slot] = piece
            elif piece.first < first or piece.last > last:
                rows = self.rows_of(slot)
                rows = rows.take((rows.frame < first) | (rows.frame > last))
                if len(rows):
                    pieces[slot] = Piece.of(rows)
        return Slots(pieces, self.read)

    def only(self, first: int, last: int) -> Slots:
        """Only the rows of frames first..last."""
        return self.before(last + 1).since(first)

    def with_rows(self, rows: Path) -> Slots:
        """With these rows, in place of those of the same frames."""
        pieces = dict(self.pieces)
        for slot, piece in _pieces(rows).items():
            if slot in pieces:
                assert piece.rows is not None
                pieces[slot] = Piece.of(merge(self.rows_of(slot), piece.rows))
            else:
                pieces[slot] = piece
        return Slots(pieces, self.read)

    def shared(self, other: Slots) -> Int64:
        """The frames in which both have a row, rising."""
        found = []
        for slot in sorted(self.pieces.keys() & other.pieces.keys()):
            a, b = self.pieces[slot], other.pieces[slot]
            if a.first <= b.last and b.first <= a.last:
                found.append(np.intersect1d(self.rows_of(slot).frame, other.rows_of(slot).frame, assume_unique=True))
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def with_slots(self, other: Slots) -> Slots:
        """With all rows of `other`, in place of those of the same frames."""
        pieces = dict(self.pieces)
        for slot, piece in other.pieces.items():
            if slot in pieces:
                pieces[slot] = Piece.of(merge(self.rows_of(slot), other.rows_of(slot)))
            else:
                pieces[slot] = piece
        # both come from one project, or hold their rows: either reads the chunks of both
        return Slots(pieces, other.read if self.read is _nothing else self.read)

    def anchor_before(self, frame: int) -> int:
        """The nearest frame before with a row that was not computed, -1 without one."""
        for rows in self._backwards(frame):
            found = rows.frame[(rows.frame < frame) & ~rows.computed]
            if len(found):
                return int(found[-1])
        return -1

    def anchor_after(self, frame: int) -> int:
        """The nearest frame after with a row that was not computed, -1 without one."""
        for rows in self._reading(frame + 1, np.iinfo(np.int64).max):
            found = rows.frame[(rows.frame > frame) & ~rows.computed]
            if len(found):
                return int(found[0])
        return -1

    def last_rows(self, frame: int, count: int) -> Path:
        """The last `count` rows before a frame, or fewer."""
        parts: list[Path] = []
        for rows in self._backwards(frame):
            parts.insert(0, rows.between(0, frame - 1))
            if sum(map(len, parts)) >= count:
                break
        rows = concatenate(parts)
        return rows.take(slice(max(len(rows) - count, 0), None))

    def first_rows(self, frame: int, count: int) -> Path:
        """The first `count` rows from a frame on, or fewer."""
        parts: list[Path] = []
        for rows in self._reading(frame, np.iinfo(np.int64).max):
            parts.append(rows.take(rows.frame >= frame))
            if sum(map(len, parts)) >= count:
                break
        rows = concatenate(parts)
        return rows.take(slice(0, count))

    def _backwards(self, frame: int) -> Iterator[Path]:
        for slot in sorted(self.pieces, reverse=True):
            if self.pieces[slot].first < frame:
                yield self.rows_of(slot)


def _nothing(chunk: int) -> Path:
    raise AssertionError(f"chunk {chunk} of rows that hold themselves")


def _pieces(rows: Path) -> dict[int, Piece]:
    """Rows cut at the borders of slots."""
    if not len(rows):
        return {}
    slot = rows.frame // SLOT
    bounds = [0, *(np.flatnonzero(np.diff(slot)) + 1).tolist(), len(rows)]
    return {int(slot[low]): Piece.of(rows.take(slice(low, high))) for low, high in pairwise(bounds)}
