"""Which earlier track a track may continue: an object that was not seen for a while, or under another id."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from tracker.review.types import ReviewView, TrackRows
from tracker.types import Float32, Float64, Int64

LATEST = 64  # ended tracks that are looked at for each start, the latest ones
TIME_S = 0.3  # unit of the time between both
GOING = 0.5  # heights a second that an absent object may have gone
WAY, SIZE = 1.5, 2.0  # weights of distance and log ratio of heights
ONE_IOU = 0.4  # IoU from which two boxes in one frame may be of one object
SHARED = 0.2  # largest share of the shorter track's frames in which both may be seen in different places


@dataclass(frozen=True, eq=False, slots=True)
class Ends:
    """The tracks in order of their ends, T of them: ids, and boxes at both ends."""

    id: Int64
    first: Float64
    last: Float64
    start: Float64
    end: Float64

    @classmethod
    def of(cls, view: ReviewView) -> Ends:
        """The ends of all tracks."""
        ids = np.array(sorted(view.tracks, key=lambda one: view.tracks[one].last), np.int64)
        rows = [view.tracks[one] for one in ids.tolist()]
        return cls(
            ids,
            np.array([one.first for one in rows]),
            np.array([one.last for one in rows]),
            np.array([one.coordinates_at(0) for one in rows]).reshape(-1, 4),
            np.array([one.coordinates_at(-1) for one in rows]).reshape(-1, 4),
        )


def far(dt: Float64, here: Float64, there: Float64) -> Float64:
    """How unlike a continuation is: by seconds between both, distance and sizes; 0 for the same box at once."""
    height = np.exp(0.5 * (here[..., 3] + there[..., 3]))
    way = np.hypot(here[..., 0] - there[..., 0], here[..., 1] - there[..., 1]) / height
    wait = np.maximum(dt, 0)
    size = np.abs(here[..., 3] - there[..., 3])
    return np.asarray(np.log1p(wait / TIME_S) + WAY * np.log1p(way / (1 + GOING * wait)) + SIZE * size)


def earlier_tracks(
    view: ReviewView, ends: Ends, own: TrackRows, without: tuple[int, ...], most: int
) -> list[tuple[float, int]]:
    """At most `most` (far, id) of tracks that started earlier and may show the same object, nearest first.

    They may go on after `own` starts: two tracks may take turns, or a detector reports one object twice.

    Args:
        view: the tracks.
        ends: their ends.
        own: a track, or the later part of one.
        without: tracks that are no candidates.
        most: so many at most. Those that were compared with it and found to be others are left out (`answered`).
    """
    begin = own.first
    earlier = (ends.first < begin).nonzero()[0]
    gone = int(np.searchsorted(ends.last[earlier], begin))
    earlier = earlier[max(gone - LATEST, 0) :]
    box, time = ends.end[earlier], ends.last[earlier]
    for k in (time >= begin).nonzero()[0].tolist():  # its box before this one starts
        rows = view.tracks[int(ends.id[earlier[k]])]
        at = _before(rows, own)
        box[k], time[k] = rows.coordinates_at(at), rows.time[at]
    away = far(begin - time, box, own.coordinates_at(0))
    found: list[tuple[float, int]] = []
    for k in np.argsort(away, kind="stable").tolist():
        other = int(ends.id[earlier[k]])
        rows = view.tracks[other]
        if other in without or pair_key(rows, own) in view.answered or (rows.last >= begin and _apart(rows, own)):
            continue
        found.append((float(away[k]), other))
        if len(found) == most:
            break
    return found


def pair_key(earlier: TrackRows, later: TrackRows) -> str:
    """The key of "they are two objects": the last box of one before the other starts, and the first of the other."""
    return f"two:{earlier.name(_before(earlier, later))}-{later.name(0)}"


def _before(earlier: TrackRows, later: TrackRows) -> int:
    return int(np.searchsorted(earlier.frame, later.frame[0])) - 1


_KNOWN: WeakKeyDictionary[TrackRows, WeakKeyDictionary[TrackRows, bool]] = WeakKeyDictionary()


def _apart(earlier: TrackRows, later: TrackRows) -> bool:
    """Whether two tracks that overlap in time are seen in different places in too many frames to be one object."""
    known = _KNOWN.setdefault(later, WeakKeyDictionary())
    if (found := known.get(earlier)) is None:
        low = int(np.searchsorted(earlier.frame, later.frame[0]))
        high = int(np.searchsorted(later.frame, earlier.frame[-1], side="right"))
        frame, other = earlier.frame[low:], later.frame[:high]
        at = np.minimum(np.searchsorted(frame, other), max(len(frame) - 1, 0))
        both = frame[at] == other if len(frame) else np.zeros(0, bool)
        iou = _iou(earlier.xyxy[low:][at[both]], later.xyxy[:high][both])
        found = known[earlier] = bool((iou < ONE_IOU).sum() > SHARED * min(len(earlier), len(later)))
    return found


def _iou(a: Float32, b: Float32) -> Float64:
    """(K,) IoU of pairs of boxes."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    side = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0)
    shared = side.prod(axis=1)
    areas = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1)
    return np.asarray(shared / np.maximum(areas - shared, 1e-9))
