"""Which boxes are certain enough to be accepted without a look at each: those of pieces whose links are all sure."""

from __future__ import annotations

import numpy as np

from tracker.offline.types import WholeTracks
from tracker.review.stretches import NOTHING_SEEN, SeenStretches, stretches_of
from tracker.review.types import TrackRows
from tracker.types import Bool, Float32, Float64, Int64

# Chosen on MOT17's first halves and on simulated detections of DanceTrack-train: the least probability at which at
# least 99.75 % of the boxes have the identity of their piece on both (docs/lab/2026-11-annotation.md).
SURE_LINK = 0.997
LEAST_S = 0.5  # seconds of a piece


def auto_accept(tracks: WholeTracks, times: Float64) -> Bool:
    """(R,) which rows of tracks are certain; filled ones never are.

    Args:
        tracks: as they are after tracking.
        times: (F,) seconds of the frames.
    """
    seen = (tracks.detection >= 0).nonzero()[0]
    order = seen[np.lexsort((tracks.frame[seen], tracks.id[seen]))]
    certain = np.zeros(len(tracks), bool)
    certain[order] = _sure(tracks.id[order], times[tracks.frame[order]], tracks.link[order])
    return certain


def certain_rows(track: TrackRows, seen: SeenStretches = NOTHING_SEEN) -> Bool:
    """(R,) which rows of one track are certain; none of a stretch that may show nothing.

    Args:
        track: its rows.
        seen: what was answered about such stretches.
    """
    certain = _sure(np.zeros(len(track), np.int64), track.time, track.link)
    weak = stretches_of(track, seen)
    for first, last in zip(weak.first.tolist(), weak.last.tolist(), strict=True):
        certain[first : last + 1] = False
    return certain


def certain_ranges(track: TrackRows, seen: SeenStretches = NOTHING_SEEN) -> list[tuple[int, int]]:
    """(first, last) frames of each certain piece of a track; arguments as of `certain_rows`."""
    certain = certain_rows(track, seen)
    new = np.ones(len(track), bool)
    new[1:] = ~(track.link[1:] >= SURE_LINK) | (certain[1:] != certain[:-1])
    begin = new.nonzero()[0]
    last = np.append(begin[1:], len(track)) - 1
    pieces = zip(track.frame[begin].tolist(), track.frame[last].tolist(), certain[begin].tolist(), strict=True)
    return [(first, end) for first, end, sure in pieces if sure]


def _sure(track: Int64, time: Float64, link: Float32) -> Bool:
    """(R,) which rows lie in pieces that last long enough; rows by track and time."""
    if not len(track):
        return np.zeros(0, bool)
    new = np.ones(len(track), bool)
    new[1:] = (np.diff(track) != 0) | ~(link[1:] >= SURE_LINK)
    begin = new.nonzero()[0]
    last = np.append(begin[1:], len(track)) - 1
    sure: Bool = np.asarray(time[last] - time[begin] >= LEAST_S)
    rows: Bool = sure[np.cumsum(new) - 1]
    return rows
