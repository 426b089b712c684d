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
    """The tracks in order of their ends, T of them: ids, first and last times in seconds."""

    id: Int64
    first: Float64
    last: Float64

    @classmethod
    def of(cls, view: ReviewView) -> Ends:
        """The ends of all tracks."""
        ids = sorted(view.tracks, key=lambda one: view.tracks[one].last)
        rows = [view.tracks[one] for one in ids]
        return cls(np.array(ids, np.int64), np.array([one.first for one in rows]), np.array([one.last for one in rows]))


class _Pair:
    """An earlier and a later track: how far they are apart, and what they are called."""

    __slots__ = ("_apart", "far", "key")

    def __init__(self, earlier: TrackRows, later: TrackRows) -> None:
        at = _before(earlier, later)  # its box before the later one starts
        wait = later.first - float(earlier.time[at])
        self.far = float(far(np.array(wait), earlier.coordinates_at(at), later.coordinates_at(0)))
        self.key = f"two:{earlier.name(at)}-{later.name(0)}"
        self._apart: bool | None = None

    def apart(self, earlier: TrackRows, later: TrackRows) -> bool:
        """Whether both are seen in different places in too many frames to be one object."""
        if self._apart is None:
            self._apart = earlier.last >= later.first and _seen_apart(earlier, later)
        return self._apart


_KNOWN: WeakKeyDictionary[TrackRows, WeakKeyDictionary[TrackRows, _Pair]] = WeakKeyDictionary()


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
    earlier = (ends.first < own.first).nonzero()[0]
    gone = int(np.searchsorted(ends.last[earlier], own.first))
    known = _KNOWN.setdefault(own, WeakKeyDictionary())
    pairs = []
    for other in ends.id[earlier[max(gone - LATEST, 0) :]].tolist():
        rows = view.tracks[other]
        if (pair := known.get(rows)) is None:
            pair = known[rows] = _Pair(rows, own)
        if other not in without and pair.key not in view.answered:
            pairs.append((pair.far, other, pair))
    pairs.sort(key=lambda one: one[:2])
    found: list[tuple[float, int]] = []
    for away, other, pair in pairs:
        if not pair.apart(view.tracks[other], own):
            found.append((away, other))
            if len(found) == most:
                break
    return found


def pair_key(earlier: TrackRows, later: TrackRows) -> str:
    """The key of "they are two objects": the last box of one before the other starts, and the first of the other."""
    return f"two:{earlier.name(_before(earlier, later))}-{later.name(0)}"


def _before(earlier: TrackRows, later: TrackRows) -> int:
    return int(np.searchsorted(earlier.frame, later.frame[0])) - 1


def _seen_apart(earlier: TrackRows, later: TrackRows) -> bool:
    low = int(np.searchsorted(earlier.frame, later.frame[0]))
    high = int(np.searchsorted(later.frame, earlier.frame[-1], side="right"))
    limit = SHARED * min(len(earlier), len(later))
    block = int(2 * limit) + 64  # most tracks are apart all the time, which the first frames show
    apart = 0
    for start in range(0, high, block):
        apart += _apart_in(earlier, low, later, slice(start, min(start + block, high)))
        if apart > limit:
            return True
    return False


def _apart_in(earlier: TrackRows, low: int, later: TrackRows, rows: slice) -> int:
    """In how many frames of some rows of `later` both are seen in different places; from row `low` of `earlier` on."""
    other = later.frame[rows]
    first, last = np.searchsorted(earlier.frame, [other[0], other[-1] + 1]).tolist()
    part = slice(max(first, low), last)
    frame = earlier.frame[part]
    if not len(frame):
        return 0
    at = np.minimum(np.searchsorted(frame, other), len(frame) - 1)
    both = frame[at] == other
    return int((_iou(earlier.xyxy[part][at[both]], later.xyxy[rows][both]) < ONE_IOU).sum())


def _iou(a: Float32, b: Float32) -> Float64:
    """(K,) IoU of pairs of boxes."""
    left, top, right, bottom = a.T.astype(np.float64)
    left_b, top_b, right_b, bottom_b = b.T.astype(np.float64)
    across = np.maximum(np.minimum(right, right_b) - np.maximum(left, left_b), 0)
    shared = across * np.maximum(np.minimum(bottom, bottom_b) - np.maximum(top, top_b), 0)
    areas = (right - left) * (bottom - top) + (right_b - left_b) * (bottom_b - top_b)
    return np.asarray(shared / np.maximum(areas - shared, 1e-9))
