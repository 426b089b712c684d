"""Operations by which the machine puts in what it worked out after a person's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from datasets.formats.provenance import WORDS
from datasets.masks.rle import from_json
from datasets.projects.edit import Edit
from datasets.projects.filling import fill_between, open_frames
from datasets.projects.operations.common import check_frame, check_label, check_range, edit, said_right, writable
from datasets.projects.slots import Slots
from datasets.projects.types import Path, Track
from datasets.projects.view import View
from models.errors import DataError
from tracker.offline.types import Constraint


def rows(
    view: View,
    frame: Sequence[int],
    xyxy: Sequence[Sequence[float]],
    track: int | None = None,
    label: int = 0,
    score: Sequence[float] | None = None,
    link: Sequence[float] | None = None,
    provenance: str = "tracked",
    masks: Sequence[Mapping[str, Any] | None] | None = None,
    first: int | None = None,
    last: int | None = None,
) -> Edit:
    """Puts boxes into a track, such as those followed from a person's box. Key frames and absences stay as they are.

    Args:
        view: the project.
        frame: frames, rising.
        xyxy: a box for each, pixels.
        track: the track; None makes a new one, whose id is the parameter "new" of the edit.
        label: class of a new track.
        score: 0..1 for each; 1 without it.
        link: for each the probability that it rightly continues the row before; the score without it.
        provenance: "tracked", "filled" or "seen".
        masks: a run-length mask or None for each.
        first, last: the machine's boxes of these frames that get no new box are taken out.

    The edit's parameters hold "count" and "frames" (the first and the last) in place of the boxes.
    """
    if provenance not in ("tracked", "filled", "seen"):
        raise DataError(f"provenance is {provenance!r}; give 'tracked', 'filled' or 'seen'.")
    sure = np.asarray(1.0 if score is None else score, np.float32)
    try:
        new_rows = Path.of(
            list(frame),
            [list(box) for box in xyxy],
            sure,
            WORDS[provenance],
            link=sure if link is None else np.asarray(link, np.float32),
            mask=None if masks is None else tuple(None if one is None else from_json(dict(one)) for one in masks),
        )
    except ValueError:
        raise DataError("the boxes, scores and links have other lengths than the frames; give one for each.") from None
    if len(new_rows):
        check_frame(view, int(new_rows.frame[-1]))
    # the boxes are in the project's chunks; the journal says only how many there were and where
    given: dict[str, Any] = {
        "track": track,
        "provenance": provenance,
        "count": len(new_rows),
        "first": first,
        "last": last,
    }
    if len(new_rows):
        given["frames"] = [int(new_rows.frame[0]), int(new_rows.frame[-1])]
    if track is None:
        check_label(view, label)
        if not len(new_rows):
            raise DataError("a new track needs a box; give one.")
        return edit(view, "rows", {**given, "new": view.next_id}, {view.next_id: _new(view, label, new_rows)})
    said, slots = writable(view, track)
    for start, end in said.absences:
        new_rows = new_rows.take((new_rows.frame < start) | (new_rows.frame > end))
    if first is not None or last is not None:
        low, high = 0 if first is None else first, len(view.times) - 1 if last is None else last
        check_range(view, low, high)
        old = slots.between(low, high)
        slots = slots.without(low, high).with_rows(old.take(old.key))
    if len(new_rows):
        old = slots.between(int(new_rows.frame[0]), int(new_rows.frame[-1]))
        slots = slots.with_rows(new_rows.take(~np.isin(new_rows.frame, old.frame[old.key])))
    return edit(view, "rows", given, {track: (said, slots)})


def _new(view: View, label: int, path: Path) -> tuple[Track, Slots]:
    return Track(view.next_id, label), Slots.of(path)


def replace_rows(
    view: View,
    moves: Sequence[Mapping[str, int | None]],
    fills: Sequence[Sequence[int]] = (),
    constraints: Sequence[Sequence[int]] = (),
) -> Edit:
    """Moves rows between tracks, all at once: what the solver decided.

    Args:
        view: the project.
        moves: {"track": from, "first": frame, "last": frame, "to": id}; "to" may be -1, -2, ... for new tracks of the
            first one's class, whose ids are the parameter "new", or None to throw the rows away.
        fills: (track, first, last): frames without a row between rows in `first` and `last` are filled; `track` may be
            a new one.
        constraints: (first, second, 1 or 0): what the solver learns, by rows of the detections.
    """
    taken: dict[int, Slots] = {}
    given: dict[int, list[Slots]] = {}
    said: dict[int, Track] = {}
    new: dict[int, int] = {}
    for move in moves:
        source, first, last, to = (move.get(name) for name in ("track", "first", "last", "to"))
        if source is None or first is None or last is None:
            raise DataError("a move needs track, first, last and to; give all four.")
        check_range(view, first, last)
        track, slots = writable(view, source)
        moved = slots.only(first, last)
        if not len(moved):
            raise DataError(f"track {source} has no box in frames {first}..{last} to be moved.")
        said.setdefault(source, track)
        taken[source] = taken.get(source, slots).without(first, last)
        if to is None:
            continue
        if to < 0:
            if to not in new:
                new[to] = view.next_id + len(new)
                said[new[to]] = Track(new[to], track.label)
                taken[new[to]] = Slots({}, slots.read)
            to = new[to]
        elif to not in said:
            said[to], target = writable(view, to)
            taken.setdefault(to, target)
        given.setdefault(to, []).append(moved)
    result = dict(taken)
    for id, parts in given.items():
        for moved in parts:
            shared = result[id].shared(moved)
            if len(shared):
                raise DataError(f"track {id} has a box in frame {shared[0]} already; move that one away too.")
            result[id] = result[id].with_slots(moved)
        for moved in parts:
            for frame in (moved.first, moved.last + 1):
                result[id] = said_right(result[id], frame) if constraints else result[id]
    for id, first, last in fills:
        id = new.get(id, id)
        if id not in result:
            said[id], result[id] = writable(view, id)
        if not (result[id].has(first) and result[id].has(last)):
            raise DataError(f"track {id} needs a box in frame {first} and in frame {last} to fill between them.")
        if not any(start < last and end > first for start, end in said[id].absences):
            frames = open_frames(result[id], first, last, gaps=True)
            result[id] = fill_between(result[id], first, last, frames, view.times)
    given_parameters = {
        "moves": [dict(move) for move in moves],
        "fills": [list(one) for one in fills],
        "constraints": [list(one) for one in constraints],
        "new": list(new.values()),
    }
    tracks = {
        id: (replace(said[id], accepted=False) if id in given else said[id], slots) for id, slots in result.items()
    }
    learnt = (Constraint(int(a), int(b), bool(same)) for a, b, same in constraints)
    return edit(view, "replace", given_parameters, tracks, learnt)
