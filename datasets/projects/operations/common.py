"""What operations share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from datasets.projects.edit import Edit
from datasets.projects.intervals import join_intervals
from datasets.projects.slots import Slots
from datasets.projects.types import Path, Track
from datasets.projects.view import View
from models.errors import DataError
from tracker.offline.types import Constraint

NEAR_ROWS = 256  # rows before or after a cut among which a detection is looked for
END = int(np.iinfo(np.int64).max) - 1


def writable(view: View, id: int) -> tuple[Track, Slots]:
    """A track that may be changed.

    Raises:
        DataError: there is none, or it is locked.
    """
    track = view.meta(id)
    if track.locked:
        raise DataError(f"track {id} is locked; unlock it first.")
    return track, view.slots(id)


def edit(
    view: View,
    kind: str,
    parameters: Mapping[str, Any],
    tracks: Mapping[int, tuple[Track, Slots] | None],
    constraints: Iterable[Constraint] = (),
) -> Edit:
    """An edit of the view's state. Parameters that are None are left out; a track without rows is removed."""
    kept = {id: None if content is None or not len(content[1]) else content for id, content in tracks.items()}
    kept = {id: content for id, content in kept.items() if content is not None or view.exists(id)}
    given = {name: value for name, value in parameters.items() if value is not None}
    return Edit(kind, given, kept, tuple(constraints), view.seq)


def check_frame(view: View, frame: int) -> None:
    """Raises `DataError` for a frame that the video has not."""
    if not 0 <= frame < len(view.times):
        raise DataError(f"there is no frame {frame}; the video has {len(view.times)}, counted from 0.")


def check_range(view: View, first: int, last: int) -> None:
    """Raises `DataError` for frames that the video has not, or a range that runs backwards."""
    check_frame(view, first)
    check_frame(view, last)
    if first > last:
        raise DataError(f"the frames {first}..{last} run backwards; give the first one first.")


def check_label(view: View, label: int) -> None:
    """Raises `DataError` for a class that there is not."""
    if not 0 <= label < len(view.names):
        raise DataError(f"there is no class {label}; there are {len(view.names)}, counted from 0.")


def said_right(slots: Slots, frame: int) -> Slots:
    """The slots with the first row from a frame on linked to the row before by a person."""
    row = slots.first_rows(frame, 1)
    if not len(row) or row.link[0] == 1:
        return slots
    return slots.with_rows(row.with_columns(link=np.ones(1, np.float32)))


def detection_before(view: View, slots: Slots, frame: int) -> int:
    """The last detection of a track before a frame; -1 without one nearby."""
    return _last(slots.last_rows(frame, NEAR_ROWS)) if view.detection_count else -1


def detection_from(view: View, slots: Slots, frame: int) -> int:
    """The first detection of a track from a frame on; -1 without one nearby."""
    if not view.detection_count:
        return -1
    found = slots.first_rows(frame, NEAR_ROWS).detection
    found = found[found >= 0]
    return int(found[0]) if len(found) else -1


def _last(rows: Path) -> int:
    found = rows.detection[rows.detection >= 0]
    return int(found[-1]) if len(found) else -1


def constraints(*pairs: tuple[int, int, bool]) -> list[Constraint]:
    """What is said about pairs of detections, without those where one is missing."""
    return [Constraint(first, second, same) for first, second, same in pairs if min(first, second) >= 0]


def part(track: Track, first: int, last: int) -> Track:
    """What is said of a track within first..last: its absences and its changes there."""
    return replace(
        track,
        absences=tuple((max(a, first), min(b, last)) for a, b in track.absences if b >= first and a <= last),
        changes=tuple(change for change in track.changes if first <= change[0] <= last),
    )


def both_parts(earlier: Track, later: Track) -> Track:
    """`earlier`, with the absences and changes of both."""
    said = {(frame, name): value for frame, name, value in (*later.changes, *earlier.changes)}
    return replace(
        earlier,
        absences=join_intervals([*earlier.absences, *later.absences]),
        changes=tuple((frame, name, value) for (frame, name), value in sorted(said.items())),
    )
