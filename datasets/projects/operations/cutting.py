"""Operations on identity: which rows belong to which track."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datasets.projects.chunk_codec import SLOT
from datasets.projects.edit import Edit
from datasets.projects.filling import bounds, fill_between, open_frames
from datasets.projects.intervals import runs, without_rows
from datasets.projects.operations.common import (
    END,
    both_parts,
    check_frame,
    check_range,
    constraints,
    detection_before,
    detection_from,
    edit,
    part,
    said_right,
    writable,
)
from datasets.projects.slots import Slots
from datasets.projects.types import Track
from datasets.projects.view import View
from models.errors import DataError
from tracker.offline.types import Constraint
from tracker.types import Int64

PREFERENCES = ("track", "other", "newer key")


def delete(view: View, track: int, first: int | None = None, last: int | None = None) -> Edit:
    """Deletes boxes of a track: of frames first..last, from `first` on, up to `last`, or all of them."""
    said, slots = writable(view, track)
    low, high = 0 if first is None else first, len(view.times) - 1 if last is None else last
    check_range(view, low, high)
    if not any(piece.first <= high and piece.last >= low for piece in slots.pieces.values()):
        raise DataError(f"track {track} has no box in frames {low}..{high}.")
    left = slots.without(low, high)
    if len(left) == len(slots):
        raise DataError(f"track {track} has no box in frames {low}..{high}.")
    if first is not None and last is not None:
        left = _fills_anew(said, slots, left, low, high, view)
    return edit(view, "delete", {"track": track, "first": first, "last": last}, {track: (said, left)})


def _fills_anew(track: Track, old: Slots, slots: Slots, low: int, high: int, view: View) -> Slots:
    """The slots with computed boxes beside deleted ones computed again, where a box that they hung on is gone."""
    if old.between(low, high).computed.all():
        return slots
    start, end = slots.anchor_before(low), slots.anchor_after(high)
    first, last = bounds(track, low)
    if start < first or end < 0 or end > last:
        return slots
    return fill_between(slots, start, end, open_frames(slots, start, end, gaps=False), view.times)


def split(view: View, track: int, frame: int) -> Edit:
    """Cuts a track: from `frame` on it is a new one, whose id is the parameter "new" of the edit."""
    check_frame(view, frame)
    said, slots = writable(view, track)
    if not slots.first < frame <= slots.last:
        raise DataError(
            f"track {track} cannot be cut at frame {frame}; it needs boxes before it and from it on, and has"
            f" {slots.first}..{slots.last}."
        )
    new = view.next_id
    earlier, later = slots.before(frame), said_right(slots.since(frame), frame)
    known = {name: (frame, name, value) for at, name, value in said.changes if at < frame}
    after = part(said, frame, END)
    begun = {name for at, name, _ in after.changes if at == frame}
    changes = tuple(sorted([*(change for name, change in known.items() if name not in begun), *after.changes]))
    return edit(
        view,
        "split",
        {"track": track, "frame": frame, "new": new},
        {
            track: (replace(part(said, 0, frame - 1), accepted=False), earlier),
            new: (replace(after, id=new, name="", accepted=False, changes=changes), later),
        },
        constraints((detection_before(view, slots, frame), detection_from(view, slots, frame), False)),
    )


def join(view: View, track: int, other: int, prefer: str | None = None) -> Edit:
    """Gives all boxes of another track to a track; the other one is gone.

    Args:
        view: the project.
        track: the one that stays; its class and name hold.
        other: the one that is taken up.
        prefer: whose box stays where both have one in a frame: "track", "other", or "newer key", a key frame before
            any other box, and the one that was changed last before an earlier one. Without it such tracks are refused.
    """
    if track == other:
        raise DataError(f"track {track} cannot be joined with itself; name two tracks.")
    if prefer is not None and prefer not in PREFERENCES:
        raise DataError(f"prefer is {prefer!r}; give one of {', '.join(map(repr, PREFERENCES))}.")
    (said, mine), (also, theirs) = writable(view, track), writable(view, other)
    shared = mine.shared(theirs)
    if len(shared) and prefer is None:
        raise DataError(
            f"tracks {track} and {other} share {len(shared)} frames, the first is {shared[0]}; say whose box stays."
        )
    for frames in runs(np.setdiff1d(shared, _winning(view, track, other, mine, theirs, shared, prefer))):
        mine = mine.without(*frames)
    for frames in runs(mine.shared(theirs)):
        theirs = theirs.without(*frames)
    rows, said_pairs = _interleaved(view, mine, theirs)
    joined = both_parts(said, also)
    joined = replace(
        joined,
        name=said.name or also.name,
        attributes=tuple(sorted({**dict(also.attributes), **dict(said.attributes)}.items())),
        absences=without_rows(joined.absences, rows),
        accepted=said.accepted and also.accepted,
    )
    given = {"track": track, "other": other, "prefer": prefer}
    return edit(view, "join", given, {track: (joined, rows), other: None}, said_pairs)


def _winning(
    view: View, track: int, other: int, mine: Slots, theirs: Slots, shared: Int64, prefer: str | None
) -> Int64:
    """The shared frames in which the row of `track` stays."""
    if not len(shared) or prefer == "other":
        return np.zeros(0, np.int64)
    if prefer == "track":
        return shared
    first, last = int(shared[0]), int(shared[-1])
    a, b = mine.between(first, last), theirs.between(first, last)
    key_a, key_b = a.key[np.isin(a.frame, shared)], b.key[np.isin(b.frame, shared)]
    newer = np.array([view.changed_at(track, f) >= view.changed_at(other, f) for f in _first_of_slots(shared)])
    of = np.unique(shared // SLOT, return_inverse=True)[1]
    winning: Int64 = shared[(key_a & ~key_b) | ((key_a == key_b) & newer[of])]
    return winning


def _first_of_slots(frames: Int64) -> list[int]:
    first: list[int] = frames[np.unique(frames // SLOT, return_index=True)[1]].tolist()
    return first


def _interleaved(view: View, mine: Slots, theirs: Slots) -> tuple[Slots, list[Constraint]]:
    """The rows of both, and that the detections on both sides of each change show one object."""
    rows = mine.with_slots(theirs)
    changes = _changes(mine, theirs)
    pairs = []
    for frame in changes:
        rows = said_right(rows, frame)
        pairs.append((detection_before(view, rows, frame), detection_from(view, rows, frame), True))
    return rows, constraints(*pairs)


def _changes(mine: Slots, theirs: Slots) -> list[int]:
    """The frames at which a row of one follows a row of the other; only what lies side by side is read."""
    if not mine.pieces or not theirs.pieces:
        return []
    if mine.last < theirs.first or theirs.last < mine.first:
        return [max(mine.first, theirs.first)]
    low, high = max(mine.first, theirs.first), min(mine.last, theirs.last)
    parts = [
        np.concatenate([s.last_rows(low, 1).frame, s.between(low, high).frame, s.first_rows(high + 1, 1).frame])
        for s in (mine, theirs)
    ]
    frame, owner = np.concatenate(parts), np.repeat([0, 1], [len(one) for one in parts])
    order = np.argsort(frame, kind="stable")
    found: list[int] = frame[order][1:][np.diff(owner[order]) != 0].tolist()
    return found


def swap(view: View, track: int, other: int, frame: int) -> Edit:
    """Exchanges the boxes of two tracks from `frame` on. A track that has no box left is gone."""
    check_frame(view, frame)
    if track == other:
        raise DataError(f"track {track} cannot be swapped with itself; name two tracks.")
    (a, rows_a), (b, rows_b) = writable(view, track), writable(view, other)
    if max(rows_a.last, rows_b.last) < frame:
        raise DataError(f"tracks {track} and {other} have no box from frame {frame} on; there is nothing to swap.")
    before_a, before_b = rows_a.before(frame), rows_b.before(frame)
    since_a, since_b = said_right(rows_a.since(frame), frame), said_right(rows_b.since(frame), frame)
    new_a, new_b = before_a.with_slots(since_b), before_b.with_slots(since_a)
    last_a, last_b = detection_before(view, rows_a, frame), detection_before(view, rows_b, frame)
    next_a, next_b = detection_from(view, rows_a, frame), detection_from(view, rows_b, frame)
    return edit(
        view,
        "swap",
        {"track": track, "other": other, "frame": frame},
        {
            track: (both_parts(part(a, 0, frame - 1), part(b, frame, END)), new_a),
            other: (both_parts(part(b, 0, frame - 1), part(a, frame, END)), new_b),
        },
        constraints((last_a, next_b, True), (last_b, next_a, True), (last_a, next_a, False), (last_b, next_b, False)),
    )
