"""What a person knows of a project's boxes: the next key frame of a track, and boxes of other objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from datasets.projects.content import ProjectContent
from datasets.projects.slots import Slots
from datasets.projects.types import Path, Provenance
from tracker.types import Bool, Float64, Int64

KEYS = (Provenance.DRAWN, Provenance.CONFIRMED)
Wanted = Callable[[Path], Bool]
BLOCK = 512  # frames whose boxes are read at once


def is_key(rows: Path) -> Bool:
    """(R,) the rows that a person drew or confirmed."""
    return rows.key


def key_after(slots: Slots, frame: int, last: int, wanted: Wanted = is_key) -> Path | None:
    """The first key frame of a track after `frame`, up to `last`; one row, None without one.

    Args:
        slots: the rows of the track.
        frame, last: positions.
        wanted: which key frames count.
    """
    for slot in sorted(slots.pieces):
        piece = slots.pieces[slot]
        if piece.keys and piece.last > frame and piece.first <= last:
            found = slots.rows_of(slot).between(frame + 1, last)
            if len(rows := np.flatnonzero(wanted(found))):
                return found.take(rows[:1])
    return None


def key_before(slots: Slots, frame: int, first: int, wanted: Wanted = is_key) -> Path | None:
    """The last key frame of a track before `frame`, from `first` on; one row, None without one."""
    for slot in sorted(slots.pieces, reverse=True):
        piece = slots.pieces[slot]
        if piece.keys and piece.first < frame and piece.last >= first:
            found = slots.rows_of(slot).between(first, frame - 1)
            if len(rows := np.flatnonzero(wanted(found))):
                return found.take(rows[-1:])
    return None


def open_to_machines(frame: Int64, rows: Path, absences: Iterable[tuple[int, int]]) -> Bool:
    """(F,) which frames a machine may give a box: none where `rows` have a key frame, and none in an absence."""
    free: Bool = ~np.isin(frame, rows.frame[rows.key])
    for first, last in absences:
        free &= (frame < first) | (frame > last)
    return free


def absences_around(absences: Iterable[tuple[int, int]], frame: int) -> tuple[int, int]:
    """The last frame of the absence before `frame`, and the first of that after it; -1 and a large number without."""
    before, after = -1, int(np.iinfo(np.int64).max)
    for first, last in absences:
        if last < frame:
            before = max(before, last)
        elif first > frame:
            after = min(after, first)
    return before, after


class KnownOthers:
    """Boxes of other tracks that a person made, confirmed, accepted or locked: they are not this track's object.

    Args:
        project: the project, read while a job runs.
        track: the track that they are kept from.
    """

    def __init__(self, project: ProjectContent, track: int) -> None:
        self._project, self._track = project, track
        self._block = -1
        self._frame = np.zeros(0, np.int64)
        self._xyxy = np.zeros((0, 4))

    def at(self, frame: int) -> Float64:
        """(K, 4) those of one frame, pixels."""
        if frame // BLOCK != self._block:
            self._read(frame // BLOCK)
        low, high = np.searchsorted(self._frame, [frame, frame + 1]).tolist()
        return self._xyxy[low:high]

    def _read(self, block: int) -> None:
        rows = self._project.rows(block * BLOCK, (block + 1) * BLOCK - 1)
        sure = [track.id for track in self._project.tracks() if track.locked or track.accepted]
        known = np.isin(rows.provenance, KEYS) | np.isin(rows.id, sure)
        kept = known & (rows.id != self._track)
        self._block = block
        self._frame, self._xyxy = rows.frame[kept], rows.xyxy[kept].astype(np.float64)
