"""Operations on boxes: draw one, move one, fill between key frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from datasets.projects.edit import Edit
from datasets.projects.filling import fill_between, refill
from datasets.projects.intervals import cut_intervals
from datasets.projects.operations.common import (
    check_frame,
    check_label,
    check_range,
    edit,
    said_right,
    writable,
)
from datasets.projects.slots import Slots
from datasets.projects.types import Path, Provenance, Track
from datasets.projects.view import View
from models.errors import DataError
from tracker.inputs.columns import MAX_PIXEL


def draw(view: View, frame: int, xyxy: Sequence[float], label: int = 0, track: int | None = None) -> Edit:
    """Draws a box: of a new track, or a key frame of a track, up to which its frames without a box are filled.

    Args:
        view: the project.
        frame: where.
        xyxy: left, top, right, bottom, pixels.
        label: class of a new track.
        track: the track; None makes a new one, whose id is the parameter "new" of the edit.
    """
    check_frame(view, frame)
    box = _box(xyxy)
    given = {"frame": frame, "xyxy": box, "label": label, "track": track}
    if track is None:
        check_label(view, label)
        new = view.next_id
        rows = Slots.of(Path.of(frame, box))
        return edit(view, "draw", {**given, "new": new}, {new: (Track(new, label), rows)})
    said, slots = writable(view, track)
    said = replace(said, absences=cut_intervals(said.absences, frame, frame))
    slots = refill(said, _key_frame(slots, frame, box), frame, view.times, gaps=True)
    return edit(view, "draw", given, {track: (said, slots)})


def move(view: View, track: int, frame: int, xyxy: Sequence[float]) -> Edit:
    """Moves or resizes the box of a track in a frame, which becomes a key frame; computed boxes beside it follow."""
    box = _box(xyxy)
    said, slots = writable(view, track)
    if not slots.has(frame):
        raise DataError(f"track {track} has no box in frame {frame}; draw one.")
    slots = refill(said, _key_frame(slots, frame, box), frame, view.times, gaps=False)
    return edit(view, "move", {"track": track, "frame": frame, "xyxy": box}, {track: (said, slots)})


def interpolate(view: View, track: int, first: int, last: int) -> Edit:
    """Throws away the machine's boxes between two boxes of a track, and fills from those that a person made.

    Where an absence lies between two of them, the boxes there stay.
    """
    check_range(view, first, last)
    said, slots = writable(view, track)
    rows = slots.between(first, last)
    if not len(rows) or rows.frame[0] != first or rows.frame[-1] != last:
        raise DataError(f"track {track} needs a box in frame {first} and in frame {last} to fill between them.")
    ends = (rows.frame == first) | (rows.frame == last)
    known = rows.frame[rows.key | ends].tolist()
    for low, high in pairwise(known):
        if any(start < high and end > low for start, end in said.absences):
            continue
        slots = slots.without(low + 1, high - 1)
        slots = fill_between(slots, low, high, np.arange(low + 1, high), view.times)
        slots = said_right(slots, high) if _is_key(rows, high) and _is_key(rows, low) else slots
    return edit(view, "interpolate", {"track": track, "first": first, "last": last}, {track: (said, slots)})


def _is_key(rows: Path, frame: int) -> bool:
    return bool(rows.key[np.searchsorted(rows.frame, frame)])


def _key_frame(slots: Slots, frame: int, box: list[float]) -> Slots:
    """The slots with a drawn box; which detection it was and whether it is occluded stay."""
    old = slots.between(frame, frame)
    if not len(old):
        return slots.with_rows(Path.of(frame, box))
    return slots.with_rows(Path.of(frame, box, 1.0, Provenance.DRAWN, old.occluded, 1.0, old.detection))


def _box(xyxy: Sequence[float]) -> list[float]:
    box = [float(np.float32(value)) for value in xyxy]
    if len(box) != 4 or not all(abs(value) < MAX_PIXEL for value in box) or box[2] <= box[0] or box[3] <= box[1]:
        raise DataError(f"the box is {list(xyxy)}; give left, top, right, bottom in pixels, with an area.")
    return box
