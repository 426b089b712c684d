"""A plain model of the operations, of dictionaries: what any project must say after them.

It knows no boxes of computed rows, only where they are; all else it knows exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from datasets.projects import Provenance
from models.errors import DataError

FILLED, DRAWN, CONFIRMED = Provenance.FILLED, Provenance.DRAWN, Provenance.CONFIRMED
TRACKED, PREDICTED = Provenance.TRACKED, Provenance.PREDICTED
COMPUTED = (FILLED, PREDICTED)
KEYS = (DRAWN, CONFIRMED)


@dataclass
class Row:
    """One box; None where it was computed."""

    box: tuple[float, ...] | None
    provenance: int
    occluded: bool = False
    detection: int = -1


@dataclass
class Lane:
    """One track."""

    rows: dict[int, Row]
    label: int = 0
    name: str = ""
    absent: set[int] = field(default_factory=set)
    locked: bool = False


class Reference:
    """Tracks by id; every operation as a method of its name."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.lanes: dict[int, Lane] = {}
        self.next_id = 1

    def run(self, kind: str, parameters: dict[str, Any]) -> None:
        getattr(self, kind)(**parameters)
        self.lanes = {id: lane for id, lane in self.lanes.items() if lane.rows}

    def _lane(self, id: int) -> Lane:
        if id not in self.lanes or self.lanes[id].locked:
            raise DataError("")
        return self.lanes[id]

    def _check(self, *frames: int) -> None:
        if any(not 0 <= frame < self.frames for frame in frames) or list(frames) != sorted(frames):
            raise DataError("")

    def draw(self, frame: int, xyxy: list[float], label: int = 0, track: int | None = None) -> None:
        self._check(frame)
        if track is None:
            self.lanes[self.next_id] = Lane({frame: Row(tuple(xyxy), DRAWN)}, label)
            self.next_id += 1
            return
        lane = self._lane(track)
        lane.absent.discard(frame)
        self._key(lane, frame, xyxy)
        for step in (-1, 1):
            ends = [f for f in lane.rows if (f - frame) * step > 0 and lane.rows[f].provenance not in COMPUTED]
            ends = ends or [f for f in lane.rows if (f - frame) * step > 0]
            wall = [f for f in lane.absent if (f - frame) * step > 0]
            nearest = min(ends, key=lambda f: abs(f - frame), default=None)
            if not any(lane.rows[f].provenance not in COMPUTED for f in ends) and ends:
                nearest = max(ends, key=lambda f: abs(f - frame))
            if wall:
                edge = min(wall, key=lambda f: abs(f - frame))
                inside = [f for f in lane.rows if (f - frame) * step > 0 and (edge - f) * step > 0]
                if nearest is None or abs(nearest - frame) > abs(edge - frame):
                    nearest = max(inside, key=lambda f: abs(f - frame), default=None)
            if nearest is not None:
                for f in range(frame + step, nearest, step):
                    lane.rows.setdefault(f, Row(None, FILLED))

    def _key(self, lane: Lane, frame: int, xyxy: list[float]) -> None:
        old = lane.rows.get(frame, Row(None, DRAWN))
        lane.rows[frame] = Row(tuple(xyxy), DRAWN, old.occluded, old.detection)

    def move(self, track: int, frame: int, xyxy: list[float]) -> None:
        lane = self._lane(track)
        if frame not in lane.rows:
            raise DataError("")
        self._key(lane, frame, xyxy)

    def interpolate(self, track: int, first: int, last: int) -> None:
        self._check(first, last)
        lane = self._lane(track)
        if first not in lane.rows or last not in lane.rows:
            raise DataError("")
        ends = sorted(
            f for f in lane.rows if first <= f <= last and (f in (first, last) or lane.rows[f].provenance in KEYS)
        )
        for low, high in pairwise(ends):
            if not any(low < f < high for f in lane.absent):
                for f in range(low + 1, high):
                    lane.rows[f] = Row(None, FILLED)

    def delete(self, track: int, first: int | None = None, last: int | None = None) -> None:
        low, high = 0 if first is None else first, self.frames - 1 if last is None else last
        self._check(low, high)
        lane = self._lane(track)
        gone = [f for f in lane.rows if low <= f <= high]
        if not gone:
            raise DataError("")
        for f in gone:
            del lane.rows[f]

    def split(self, track: int, frame: int) -> None:
        self._check(frame)
        lane = self._lane(track)
        later = {f: row for f, row in lane.rows.items() if f >= frame}
        if not later or len(later) == len(lane.rows):
            raise DataError("")
        lane.rows = {f: row for f, row in lane.rows.items() if f < frame}
        self.lanes[self.next_id] = Lane(later, lane.label, "", {f for f in lane.absent if f >= frame})
        lane.absent = {f for f in lane.absent if f < frame}
        self.next_id += 1

    def join(self, track: int, other: int, prefer: str | None = None) -> None:
        if track == other:
            raise DataError("")
        lane, also = self._lane(track), self._lane(other)
        shared = lane.rows.keys() & also.rows.keys()
        if shared and prefer is None:
            raise DataError("")
        mine, theirs = lane.rows, also.rows
        lane.rows = {**mine, **theirs} if prefer == "other" else {**theirs, **mine}
        lane.absent = (lane.absent | also.absent) - lane.rows.keys()
        lane.name = lane.name or also.name
        del self.lanes[other]

    def swap(self, track: int, other: int, frame: int) -> None:
        self._check(frame)
        if track == other:
            raise DataError("")
        a, b = self._lane(track), self._lane(other)
        if all(f < frame for lane in (a, b) for f in lane.rows):
            raise DataError("")

        def mixed(x: Any, y: Any) -> Any:
            if isinstance(x, set):
                return {f for f in x if f < frame} | {f for f in y if f >= frame}
            return {f: x[f] for f in x if f < frame} | {f: y[f] for f in y if f >= frame}

        a.rows, b.rows = mixed(a.rows, b.rows), mixed(b.rows, a.rows)
        a.absent, b.absent = mixed(a.absent, b.absent), mixed(b.absent, a.absent)

    def rename(self, track: int, name: str) -> None:
        self._lane(track).name = name

    def relabel(self, track: int, label: int) -> None:
        self._lane(track).label = label

    def lock(self, track: int, locked: bool = True) -> None:
        if track not in self.lanes:
            raise DataError("")
        self.lanes[track].locked = locked

    def occluded(self, track: int, first: int, last: int, value: bool = True) -> None:
        for row in self._some(track, first, last).values():
            row.occluded = value

    def accept(self, track: int, first: int | None = None, last: int | None = None) -> None:
        some = self._some(track, 0 if first is None else first, self.frames - 1 if last is None else last)
        for row in some.values():
            row.provenance = row.provenance if row.provenance in KEYS else CONFIRMED

    def _some(self, track: int, first: int, last: int) -> dict[int, Row]:
        self._check(first, last)
        some = {f: row for f, row in self._lane(track).rows.items() if first <= f <= last}
        if not some:
            raise DataError("")
        return some

    def absent(self, track: int, first: int, last: int) -> None:
        self._check(first, last)
        lane = self._lane(track)
        left = {f: row for f, row in lane.rows.items() if not first <= f <= last}
        if not left:
            raise DataError("")
        lane.rows = left
        lane.absent |= set(range(first, last + 1))

    def present(self, track: int, first: int, last: int) -> None:
        self._check(first, last)
        self._lane(track).absent -= set(range(first, last + 1))

    def rows(self, track: int, frame: list[int], xyxy: list[list[float]]) -> None:
        lane = self._lane(track)
        for f, box in zip(frame, xyxy, strict=True):
            if f not in lane.absent and not (f in lane.rows and lane.rows[f].provenance in KEYS):
                lane.rows[f] = Row(tuple(box), TRACKED)
