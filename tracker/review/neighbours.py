"""The tracks near a moment of a track: those that it may have been exchanged with."""

from __future__ import annotations

import numpy as np

from tracker.review.types import ReviewView, TrackRows

AROUND_S = 0.4  # seconds around the moment in which the own boxes are compared
WAIT_S = 1.0  # seconds before and after it in which another track may end or start
REACH = 1.2  # heights between centres
APART = 0.1  # heights that a track counts as further off which shares no frame


def near_tracks(view: ReviewView, track: int, first: float, last: float, most: int) -> list[int]:
    """At most `most` ids of tracks that came within reach between two times, or end or start there; nearest first."""
    own = view.tracks[track]
    mine = own.within(first - AROUND_S, last + AROUND_S)
    found = []
    for other, rows in view.tracks.items():
        if other == track or rows.last < first - WAIT_S or rows.first > last + WAIT_S:
            continue
        theirs = rows.within(first - WAIT_S, last + WAIT_S)
        if theirs.stop > theirs.start and (far := _distance(own, mine, rows, theirs)) < REACH:
            found.append((far, other))
    return [other for _, other in sorted(found)[:most]]


def _distance(own: TrackRows, mine: slice, rows: TrackRows, theirs: slice) -> float:
    """The least distance of the centres in mean heights."""
    here, there = own.coordinates(mine), rows.coordinates(theirs)
    frame, other = own.frame[mine], rows.frame[theirs]
    at = np.searchsorted(other, frame)
    both = (at < len(other)) & (other.take(at, mode="clip") == frame)
    apart = 0.0
    if both.any():
        here, there = here[both], there[at[both]]
    else:
        there, apart = there[-1:] if other[-1] < frame[0] else there[:1], APART
    height = np.exp(0.5 * (here[:, 3] + there[:, 3]))
    return float((np.hypot(here[:, 0] - there[:, 0], here[:, 1] - there[:, 1]) / height).min()) + apart
