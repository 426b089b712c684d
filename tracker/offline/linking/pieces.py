"""Pieces: the parts of online tracks within which the identity is not in doubt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.runtime.maths import ranges
from tracker.offline.online import OnlineTracks
from tracker.offline.types import VideoDetections
from tracker.types import Bool, Float64, Int64

# Log-odds of a match over its best rival, below which a track is cut: after an interval of `MARGIN_INTERVAL_S`, and
# less by the logarithm of a longer one. At any rate, the matches of a second are then as likely to hold an error.
CUT_MARGIN = 4.0
MARGIN_INTERVAL_S = 0.05
MIN_MARGIN = 1.0  # log-odds, after any interval
LEAST_INTERVAL_S = 1e-3
MIN_DURATION_S = 0.25  # seconds from the first to the last detection of a piece
MIN_COUNT = 3  # detections of a piece


@dataclass(frozen=True, eq=False, slots=True)
class Pieces:
    """P pieces, in order of their first detection.

    Attributes:
        start: (P + 1,) the detections of piece p are row[start[p] : start[p + 1]], in order of time.
        row: (M,) rows of `VideoDetections`.
        piece: (N,) the piece of each detection; -1 where it is in none.
    """

    start: Int64
    row: Int64
    piece: Int64

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def count(self) -> Int64:
        """(P,) number of detections."""
        count: Int64 = np.diff(self.start)
        return count

    @property
    def first(self) -> Int64:
        """(P,) row of the first detection."""
        return self.row[self.start[:-1]]

    @property
    def last(self) -> Int64:
        """(P,) row of the last detection."""
        return self.row[self.start[1:] - 1]

    def take(self, keep: Bool) -> Pieces:
        """Only some of the pieces."""
        chosen = keep.nonzero()[0]
        length = self.count[chosen]
        start = np.concatenate([[0], np.cumsum(length)])
        row = self.row[ranges(self.start[chosen], length)]
        piece = np.full(len(self.piece), -1)
        piece[row] = np.repeat(np.arange(len(chosen)), length)
        return Pieces(start, row, piece)


def sure_pieces(
    detections: VideoDetections,
    online: OnlineTracks,
    margin: float = CUT_MARGIN,
    duration: float = MIN_DURATION_S,
) -> Pieces:
    """The pieces of the online tracks that last long enough, and whose matches all have a sufficient margin.

    What is left between them, where tracks meet, belongs to no piece.
    """
    # an unknown margin is a doubt: a start, or a match across classes
    time = detections.times[detections.frame]
    least = margin - np.log(np.maximum(_waits(time, online), LEAST_INTERVAL_S) / MARGIN_INTERVAL_S)
    pieces = cut_tracks(detections.frame, online.track, ~(online.margin >= np.maximum(least, MIN_MARGIN)))
    keep = (time[pieces.last] - time[pieces.first] >= duration) & (pieces.count >= MIN_COUNT)
    return pieces.take(keep)


def _waits(time: Float64, online: OnlineTracks) -> Float64:
    """(N,) seconds from the detection before each in its track; `MARGIN_INTERVAL_S` without one."""
    before = online.before
    return np.where(before >= 0, time - time[before], MARGIN_INTERVAL_S)


def cut_tracks(frame: Int64, track: Int64, doubtful: Bool) -> Pieces:
    """The pieces of tracks that are cut before every doubtful detection.

    Args:
        frame: (N,) frame of each detection, not decreasing.
        track: (N,) id of its track, -1 for none.
        doubtful: (N,) whether the link that leads to it is in doubt.
    """
    rows = (track >= 0).nonzero()[0]
    order = rows[np.argsort(track[rows], kind="stable")]
    new = np.ones(len(order), bool)
    new[1:] = (track[order[1:]] != track[order[:-1]]) | doubtful[order[1:]]
    begin = new.nonzero()[0]
    by_time = np.argsort(order[begin], kind="stable")  # rows are sorted by frame
    length = np.diff(np.append(begin, len(order)))[by_time]
    start = np.concatenate([[0], np.cumsum(length)])
    row = order[ranges(begin[by_time], length)]
    piece = np.full(len(frame), -1)
    piece[row] = np.repeat(np.arange(len(length)), length)
    return Pieces(start, row, piece)


def chains(follower: Int64) -> Int64:
    """(P,) the chain of each piece, numbered from 0, by the piece that follows each, -1 for none."""
    linked = (follower >= 0).nonzero()[0]
    leader = np.arange(len(follower))
    leader[follower[linked]] = linked
    while not np.array_equal(further := leader[leader], leader):  # each piece looks at its leader's leader
        leader = further
    number: Int64 = np.unique(leader, return_inverse=True)[1]
    return number


def joined(pieces: Pieces, follower: Int64, track: Int64) -> Pieces:
    """The pieces with every chain as one piece, and the detections of its track between its first and its last.

    Args:
        pieces: P pieces.
        follower: (P,) the piece that follows each, -1 for none.
        track: (N,) the track of each detection, -1 without one, when the pieces are linked so.
    """
    chain = chains(follower)
    count = int(chain.max(initial=-1)) + 1
    first, last = np.full(count, len(track)), np.full(count, -1)
    np.minimum.at(first, chain, pieces.first)
    np.maximum.at(last, chain, pieces.last)
    order = np.argsort(first, kind="stable")
    number = np.empty(count, np.int64)
    number[order] = np.arange(count)
    of_track = np.full(int(track.max(initial=-1)) + 2, -1)
    of_track[track[pieces.first]] = chain
    of = of_track[track]
    rows = (of >= 0).nonzero()[0]
    rows = rows[(rows >= first[of[rows]]) & (rows <= last[of[rows]])]
    piece = np.full(len(track), -1)
    piece[rows] = number[of[rows]]
    rows = rows[np.argsort(piece[rows], kind="stable")]
    return Pieces(np.concatenate([[0], np.cumsum(np.bincount(piece[rows], minlength=count))]), rows, piece)
