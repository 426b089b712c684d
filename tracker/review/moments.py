"""Moments of doubt in a track: links that may be wrong, those close in time together."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from tracker.review.chances import crossing_chance
from tracker.review.types import TrackRows
from tracker.types import Float64, Int64

DOUBTFUL = 0.02  # least chance of a mistake at a link that is asked about
TOGETHER_S = 0.5  # seconds between doubtful links that are one moment
LONGEST_S = 1.5  # seconds of one moment
KNOWN_WRONG = 0.0  # link that a person knows to be wrong: a moment of its own


@dataclass(frozen=True, eq=False, slots=True)
class Moments:
    """M moments of one track, in order of time.

    Attributes:
        before, after: (M,) rows of the track before the first doubtful link, and after the last.
        weakest: (M,) the row that the weakest link leads to.
        chance: (M,) that another object is seen after the moment than before it.
        cost: (M,) seconds under a wrong identity, if so: the shorter side of the track.
    """

    before: Int64
    after: Int64
    weakest: Int64
    chance: Float64
    cost: Float64

    def __len__(self) -> int:
        return len(self.before)


_KNOWN: WeakKeyDictionary[TrackRows, Moments] = WeakKeyDictionary()  # most tracks are the same from answer to answer


def moments_of(track: TrackRows) -> Moments:
    """The moments of a track, by its links alone."""
    if (known := _KNOWN.get(track)) is None:
        known = _KNOWN[track] = _moments(track)
    return known


def _moments(track: TrackRows) -> Moments:
    at = (track.link[1:] < 1 - DOUBTFUL).nonzero()[0] + 1
    first, last, weakest = [], [], []
    i = 0
    link, time = track.link.tolist(), track.time.tolist()
    rows = at.tolist()
    while i < len(rows):
        j = i
        while link[rows[i]] > KNOWN_WRONG and j + 1 < len(rows) and _together(link, time, rows, i, j):
            j += 1
        part = rows[i : j + 1]
        first.append(part[0] - 1)
        last.append(part[-1])
        weakest.append(min(part, key=lambda row: link[row]))
        i = j + 1
    before, after, weak = (np.array(values, np.int64) for values in (first, last, weakest))
    cost = np.minimum(track.time[before] - track.time[0], track.time[-1] - track.time[after])
    return Moments(before, after, weak, crossing_chance(track.link[weak].astype(np.float64), cost), cost)


def _together(link: list[float], time: list[float], rows: list[int], i: int, j: int) -> bool:
    after = rows[j + 1]
    near = time[after] - time[rows[j]] <= TOGETHER_S and time[after] - time[rows[i]] <= LONGEST_S
    return near and link[after] > KNOWN_WRONG


def unsettled(track: TrackRows) -> float:
    """Seconds of a track whose links no person has seen."""
    step = np.minimum(np.diff(track.time), 1.0)
    return float(step[~(track.link[1:] >= 1)].sum())
