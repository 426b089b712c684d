"""Operations that say something of boxes and leave them where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from datasets.masks.rle import Rle, decode, from_json
from datasets.projects.edit import Edit
from datasets.projects.filling import refill
from datasets.projects.intervals import cut_intervals, join_intervals
from datasets.projects.operations.common import (
    check_range,
    edit,
    writable,
)
from datasets.projects.slots import Slots
from datasets.projects.types import Path, Provenance
from datasets.projects.view import View
from models.errors import DataError
from tracker.offline.types import Constraint

SURE = 0.999  # probability of a link of which a person's word tells the solver nothing new


def occluded(view: View, track: int, first: int, last: int, value: bool = True) -> Edit:
    """Says whether another object hides this one in frames first..last."""
    check_range(view, first, last)
    said, slots = writable(view, track)
    rows = _some_rows(slots, track, first, last)
    slots = slots.with_rows(rows.with_columns(occluded=np.full(len(rows), value)))
    given = {"track": track, "first": first, "last": last, "value": value}
    return edit(view, "occluded", given, {track: (said, slots)})


def absent(view: View, track: int, first: int, last: int) -> Edit:
    """Says that the object is not there in frames first..last: its boxes there go, and nothing is filled across."""
    check_range(view, first, last)
    said, slots = writable(view, track)
    slots = slots.without(first, last)
    said = replace(said, absences=join_intervals([*said.absences, (first, last)]))
    if not len(slots):
        raise DataError(f"track {track} has no box outside frames {first}..{last}; delete it.")
    return edit(view, "absent", {"track": track, "first": first, "last": last}, {track: (said, slots)})


def present(view: View, track: int, first: int, last: int) -> Edit:
    """Takes back that the object is not there in frames first..last; no box is drawn by that."""
    check_range(view, first, last)
    said, slots = writable(view, track)
    said = replace(said, absences=cut_intervals(said.absences, first, last))
    return edit(view, "present", {"track": track, "first": first, "last": last}, {track: (said, slots)})


def accept(view: View, track: int, first: int | None = None, last: int | None = None) -> Edit:
    """Says that boxes of a track are right: the machine's ones in frames first..last, or all, count as confirmed.

    The solver learns from it where a link was in doubt.
    """
    low, high = 0 if first is None else first, len(view.times) - 1 if last is None else last
    check_range(view, low, high)
    said, slots = writable(view, track)
    rows = _some_rows(slots, track, low, high)
    provenance = np.where(rows.key, rows.provenance, np.uint8(Provenance.CONFIRMED))
    link = np.ones(len(rows), np.float32)
    if rows.frame[0] != slots.first:
        link[0] = rows.link[0]  # it leads to a row that is not accepted
    slots = slots.with_rows(rows.with_columns(provenance=provenance, link=link))
    whole = low <= slots.first and high >= slots.last
    seen = rows.take(rows.detection >= 0)
    doubt = ~(seen.link[1:] >= SURE)  # also where it is unknown
    pairs = zip(seen.detection[:-1][doubt].tolist(), seen.detection[1:][doubt].tolist(), strict=True)
    together = (Constraint(a, b, True) for a, b in pairs)
    given = {"track": track, "first": first, "last": last}
    return edit(view, "accept", given, {track: (replace(said, accepted=said.accepted or whole), slots)}, together)


def mask(view: View, track: int, frame: int, rle: Mapping[str, Any] | None = None) -> Edit:
    """Gives the box of a track in a frame a mask, whose outline the box becomes; None takes the mask away.

    Args:
        view: the project.
        track: the track.
        frame: a frame in which it has a box.
        rle: {"size": [height, width], "counts": COCO's runs}, of the size of the pictures.
    """
    said, slots = writable(view, track)
    row = _some_rows(slots, track, frame, frame)
    if rle is None:
        slots = slots.with_rows(row.with_columns(mask=None))
    else:
        found, box = _outline(view, rle)
        row = Path.of(frame, box, 1.0, Provenance.DRAWN, row.occluded, 1.0, row.detection, (found,))
        slots = refill(said, slots.with_rows(row), frame, view.times, gaps=False)
    return edit(view, "mask", {"track": track, "frame": frame, "rle": rle}, {track: (said, slots)})


def _outline(view: View, rle: Mapping[str, Any]) -> tuple[Rle, list[int]]:
    found = from_json(dict(rle))
    if all(view.size) and (found.width, found.height) != view.size:
        raise DataError(
            f"the mask is {found.width} x {found.height}, the pictures are {view.size[0]} x {view.size[1]} pixels."
        )
    area = decode(found)
    if not area.any():
        raise DataError("the mask is empty; mark at least one pixel, or delete the box.")
    y, x = np.flatnonzero(area.any(axis=1)), np.flatnonzero(area.any(axis=0))
    return found, [int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1]


def _some_rows(slots: Slots, track: int, first: int, last: int) -> Path:
    rows = slots.between(first, last)
    if not len(rows):
        where = f"frame {first}" if first == last else f"frames {first}..{last}"
        raise DataError(f"track {track} has no box in {where}.")
    return rows
