"""Segments with all their tracks in memory, joined into the tracks of the recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.errors import DataError
from tracker.segments.numbering import number_tracks
from tracker.segments.seam import join_overlap
from tracker.segments.types import ONLINE, Seam, SeamConfig, SharedTracks
from tracker.types import Float32, Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class SegmentTracks:
    """The tracks of one segment: R rows, sorted by frame.

    Attributes:
        first, end: the frames that it tracked, `first` <= frame < `end`, counted over the recording.
        frame: (R,) frame of each row, counted over the recording.
        id: (R,) id within the segment, once in a frame.
        xyxy: (R, 4) float32, pixels.
    """

    first: int
    end: int
    frame: Int64
    id: Int64
    xyxy: Float32

    def shared(self, first: int, end: int, left: bool) -> SharedTracks:
        """The rows in the overlap `first` <= frame < `end` at the end (`left`) or at the beginning of the segment."""
        a, b = np.searchsorted(self.frame, [first, end]).tolist()
        rest = self.id[:a] if left else self.id[b:]
        return SharedTracks(self.frame[a:b] - first, self.id[a:b], self.xyxy[a:b], np.unique(rest))


@dataclass(frozen=True, eq=False, slots=True)
class JoinedTracks:
    """The tracks of a recording: R rows, sorted by frame, in the order of their segment within a frame.

    Attributes:
        segment: (R,) segment that each row is taken from.
        row: (R,) row of that segment.
        id: (R,) id in the recording, from 1, once in a frame.
        begins: (S,) the first frame that is taken from each segment.
        seams: (S - 1,) what was decided between successive segments.
    """

    segment: Int64
    row: Int64
    id: Int64
    begins: Int64
    seams: tuple[Seam, ...]


def join_segments(times: Float64, segments: Sequence[SegmentTracks], config: SeamConfig = ONLINE) -> JoinedTracks:
    """Joins segments by identity in the frames that two successive ones share.

    Every seam follows from its two segments alone, and the ids from all seams in order: the result does not depend on
    which segment was tracked first, or where.

    Args:
        times: (F,) seconds of all frames of the recording, strictly increasing.
        segments: in order; each shares at least two frames with the next one, and none with the one after that.
        config: how they are joined.

    Raises:
        DataError: the segments do not cover the recording like that.
    """
    check_cover(len(times), [(segment.first, segment.end) for segment in segments])
    seams, begins = [], [0]
    for left, right in pairwise(segments):
        first, end = right.first, left.end
        seam = join_overlap(times[first:end], left.shared(first, end, True), right.shared(first, end, False), config)
        seams.append(seam)
        begins.append(first + seam.at)
    ends = [*begins[1:], len(times)]
    rows = [
        np.arange(*np.searchsorted(s.frame, [begin, end]).tolist())
        for s, begin, end in zip(segments, begins, ends, strict=True)
    ]
    shown = [in_order(s.id[r]) for s, r in zip(segments, rows, strict=True)]
    ids = [
        np.array([known[one] for one in s.id[r].tolist()], np.int64)
        for s, r, known in zip(segments, rows, number_tracks(shown, seams), strict=True)
    ]
    which = np.repeat(np.arange(len(segments)), [len(r) for r in rows])
    return JoinedTracks(which, np.concatenate(rows), np.concatenate(ids), np.array(begins), tuple(seams))


def in_order(ids: Int64) -> Int64:
    """The distinct ids, in the order in which they come first."""
    found, first = np.unique(ids, return_index=True)
    return found[np.argsort(first)]


def check_cover(frames: int, parts: Sequence[tuple[int, int]]) -> None:
    """Checks that parts (first frame, frame after the last) cover a recording, and overlap one by one.

    Raises:
        DataError: they do not.
    """
    if not parts or parts[0][0] != 0 or parts[-1][1] != frames:
        raise DataError(f"the segments {list(parts)} do not cover the {frames} frames of the recording.")
    for k, ((_, end), (first, _)) in enumerate(pairwise(parts)):
        if end - first < 2:
            raise DataError(f"segments {k} and {k + 1} share {max(end - first, 0)} frames; two are needed at least.")
    for k, ((_, end), (first, _)) in enumerate(zip(parts, parts[2:], strict=False)):
        if first < end:
            raise DataError(f"segments {k} and {k + 2} share frames; a shorter overlap or longer segments are needed.")
