"""Which earlier track a track may continue: an object that was not seen for a while, or under another id."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.review.types import ReviewView, TrackRows
from tracker.types import Float64, Int64

LATEST = 64  # ended tracks that are looked at for each start, the latest ones
TIME_S = 0.3  # unit of the time between both
GOING = 0.5  # heights a second that an absent object may have gone
WAY, SIZE = 1.5, 2.0  # weights of distance and log ratio of heights
SHARED = 0.3  # largest share of the shorter track's frames in which both may be seen


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
            np.array([one.coordinates[0] for one in rows]).reshape(-1, 4),
            np.array([one.coordinates[-1] for one in rows]).reshape(-1, 4),
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
    """At most `most` (far, id) of earlier tracks that rows `own` may continue, nearest first.

    Args:
        view: the tracks.
        ends: their ends.
        own: a track, or the later part of one.
        without: tracks that are no candidates.
        most: so many at most. Those that were compared with it and found to be others are left out (`answered`).
    """
    # an earlier track may end somewhat later than this one starts, where only few of their frames are shared
    begin = own.first
    earlier = ((ends.first < begin) & (ends.last < own.last)).nonzero()[0]
    gone = int(np.searchsorted(ends.last[earlier], begin))
    earlier = earlier[max(gone - LATEST, 0) :]
    box = ends.end[earlier]
    for k in (ends.last[earlier] >= begin).nonzero()[0].tolist():  # its box before this one starts
        rows = view.tracks[int(ends.id[earlier[k]])]
        box[k] = rows.coordinates[np.searchsorted(rows.time, begin) - 1]
    away = far(begin - ends.last[earlier], box, own.coordinates[0])
    found: list[tuple[float, int]] = []
    for k in np.argsort(away, kind="stable").tolist():
        other = int(ends.id[earlier[k]])
        rows = view.tracks[other]
        if other in without or (rows.last >= begin and _seen_together(rows, own)):
            continue
        if pair_key(rows, own) not in view.answered:
            found.append((float(away[k]), other))
        if len(found) == most:
            break
    return found


def pair_key(earlier: TrackRows, later: TrackRows) -> str:
    """The key of "they are two objects"."""
    return f"two:{earlier.name(-1)}-{later.name(0)}"


def _seen_together(earlier: TrackRows, later: TrackRows) -> bool:
    """Whether two tracks that overlap in time are seen in too many frames together to be one."""
    low = int(np.searchsorted(earlier.frame, later.frame[0]))
    high = int(np.searchsorted(later.frame, earlier.frame[-1], side="right"))
    shared = int(np.isin(earlier.frame[low:], later.frame[:high], assume_unique=True).sum())
    return shared > SHARED * min(len(earlier), len(later))
