"""What is said of a track as a whole: its name, attributes that are fixed or change, absences that a person noted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.errors import DataError

MAX_FRAME = 2**53  # float64 represents integers exactly up to here


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """One track. Frames are the source's frame numbers, as in `Annotations.frames`.

    Attributes:
        id: the object id, from 0.
        name: the user's name of the object; empty without one.
        attributes: (attribute, value), fixed over time, or the value before the first change.
        changes: (frame, attribute, value), in order of frames; a value holds until the next, an empty one ends it.
        absences: (first, last) frames, both inclusive, in which a person said that the object is not there.
        accepted: whether a person has looked at all of it.
    """

    id: int
    name: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[int, str, str], ...] = ()
    absences: tuple[tuple[int, int], ...] = ()
    accepted: bool = False

    def at(self, frame: int) -> dict[str, str]:
        """The attributes that hold at `frame`, without empty ones.

        >>> TrackInfo(1, attributes=(("pose", "up"),), changes=((5, "pose", "down"),)).at(7)
        {'pose': 'down'}
        """
        values = dict(self.attributes)
        for first, name, value in self.changes:
            if first <= frame:
                values[name] = value
        return {name: value for name, value in values.items() if value}

    def names(self) -> list[str]:
        """Its attributes, each once."""
        return list(dict.fromkeys([*(n for n, _ in self.attributes), *(n for _, n, _ in self.changes)]))

    @property
    def empty(self) -> bool:
        """Whether nothing is said of the track."""
        return self == TrackInfo(self.id)

    def clean(self) -> TrackInfo:
        """The same with texts of one line of printable characters, which every format can hold."""
        attributes = tuple((one_line(n), one_line(v)) for n, v in self.attributes)
        changes = tuple((frame, one_line(n), one_line(v)) for frame, n, v in self.changes)
        return replace(
            self,
            name=one_line(self.name),
            attributes=tuple((n, v) for n, v in dict(attributes).items() if n and v),
            changes=tuple(sorted((c for c in changes if c[1]), key=lambda c: c[0])),
            absences=tuple(sorted(self.absences)),
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values, without what is not said."""
        out: dict[str, Any] = {"id": self.id}
        if self.name:
            out["name"] = self.name
        if self.attributes:
            out["attributes"] = dict(self.attributes)
        if self.changes:
            out["changes"] = [list(change) for change in self.changes]
        if self.absences:
            out["absences"] = [list(absence) for absence in self.absences]
        if self.accepted:
            out["accepted"] = True
        return out


def one_line(text: str) -> str:
    """The text as one line of printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def from_json(value: Any, where: str) -> TrackInfo:
    """One track from JSON values.

    Raises:
        DataError: it has another form; the sentence begins with `where`.
    """
    if not isinstance(value, dict) or not _whole(value.get("id")):
        raise DataError(f"{where}: it has no id, a whole number from 0.")
    attributes = value.get("attributes", {})
    if not isinstance(attributes, dict) or not all(isinstance(text, str) for text in attributes.values()):
        raise DataError(f'{where}: attributes are {{"name": "value", ...}}, both texts.')
    changes = value.get("changes", [])
    if not isinstance(changes, list) or not all(map(_is_change, changes)):
        raise DataError(f'{where}: changes are [[frame, "attribute", "value"], ...].')
    absences = value.get("absences", [])
    if not isinstance(absences, list) or not all(map(_is_absence, absences)):
        raise DataError(f"{where}: absences are [[first, last], ...], whole numbers of frames, first <= last.")
    name, accepted = value.get("name", ""), value.get("accepted", False)
    if not isinstance(name, str) or not isinstance(accepted, bool):
        raise DataError(f"{where}: name is a text, and accepted true or false.")
    info = TrackInfo(
        value["id"],
        name,
        tuple(attributes.items()),
        tuple((change[0], change[1], change[2]) for change in changes),
        tuple((absence[0], absence[1]) for absence in absences),
        accepted,
    )
    return info.clean()


def list_from_json(values: Any, where: str) -> tuple[TrackInfo, ...]:
    """All tracks of a list in a file's head.

    Raises:
        DataError: it is no such list, or an id is there twice.
    """
    if values is None:
        return ()
    if not isinstance(values, list):
        raise DataError(f"{where}: tracks is no list.")
    found = tuple(from_json(value, f"{where} track {k}") for k, value in enumerate(values, 1))
    known: set[int] = set()
    for info in found:
        if info.id in known:
            raise DataError(f"{where}: track {info.id} is described twice; describe each once.")
        known.add(info.id)
    return tuple(info for info in found if not info.empty)


def of_rows(id: int, rows: Iterable[tuple[int, Mapping[str, str]]]) -> TrackInfo:
    """The attributes of a track from the values in force at its rows: one that never changes is fixed.

    Args:
        id: the track.
        rows: (frame, values), in order of frames; an attribute that is missing or empty does not hold there.
    """
    first: dict[str, str] = {}
    now: dict[str, str] = {}
    changes: list[tuple[int, str, str]] = []
    begin = True
    for frame, values in rows:
        held = {name: value for name, value in values.items() if value}
        if begin:
            first, now, begin = held, dict(held), False
            continue
        for name in dict.fromkeys([*now, *held]):
            if now.get(name, "") != held.get(name, ""):
                changes.append((frame, name, held.get(name, "")))
        now = held
    return TrackInfo(id, attributes=tuple(first.items()), changes=tuple(changes)).clean()


def merged(said: Sequence[TrackInfo], found: Iterable[TrackInfo]) -> tuple[TrackInfo, ...]:
    """What a file's head says of tracks, and for other tracks what its rows say."""
    known = {info.id for info in said}
    return (*said, *(info for info in found if info.id not in known and not info.empty))


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < MAX_FRAME


def _is_change(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 3 and _whole(value[0]) and all(isinstance(v, str) for v in value[1:])
    )


def _is_absence(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_whole, value)) and value[0] <= value[1]
