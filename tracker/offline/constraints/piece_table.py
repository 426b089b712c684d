"""The detections of pieces of tracks, and cuts of pieces where they are most doubtful."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.errors import DataError
from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class PieceTable:
    """P pieces: slices of their detections, which lie by piece, then by frame.

    Attributes:
        row: (R,) detections that belong to a piece.
        frame: (R,) their frames.
        cut_cost: (R,) log-odds of the link to the detection before it, of the same piece.
        place: (N,) where each detection lies in `row`; -1 without a piece.
        begin, end: (P,) the slice of each piece.
        by_begin: (P,) the pieces in order of their slices.
    """

    row: Int64
    frame: Int64
    cut_cost: Float64
    place: Int64
    begin: Int64
    end: Int64
    by_begin: Int64

    @classmethod
    def of(cls, frame: Int64, piece: Int64, cut_cost: Float64) -> PieceTable:
        """From the frame, the piece (-1 without one) and the cost of a cut before each of N detections.

        Raises:
            DataError: a piece without a detection, two detections of a piece in one frame, or a cost inside a piece
                that is not a number.
        """
        row = (piece >= 0).nonzero()[0]
        row = row.take(np.lexsort((frame.take(row), piece.take(row))))
        names, begin = np.unique(piece.take(row), return_index=True)
        if len(names) and names[-1] != len(names) - 1:
            missing = int((names != np.arange(len(names))).argmax())
            raise DataError(f"piece {missing} has no detection; number the pieces without gaps.")
        end = np.append(begin[1:], len(row)) if len(names) else begin
        frames, cost = frame.take(row), cut_cost.take(row).astype(np.float64)
        inside = np.ones(len(row), bool)
        inside[begin] = False
        twice = (inside[1:] & (frames[1:] == frames[:-1])).nonzero()[0]
        if len(twice):
            at = int(twice[0])
            raise DataError(
                f"detections {row[at]} and {row[at + 1]} of piece {piece[row[at]]} are both in frame {frames[at]}; "
                "a piece has one detection in a frame."
            )
        unknown = (inside & np.isnan(cost)).nonzero()[0]
        if len(unknown):
            raise DataError(f"the cut_cost of detection {row[unknown[0]]} is nan; give its log-odds.")
        place = np.full(len(frame), -1)
        place[row] = np.arange(len(row))
        return cls(row, frames, cost, place, begin, end, np.arange(len(begin)))

    def __len__(self) -> int:
        return len(self.begin)

    @property
    def first(self) -> Int64:
        """(P,) the first frame of each piece."""
        return self.frame.take(self.begin)

    @property
    def last(self) -> Int64:
        """(P,) the last frame of each piece."""
        return self.frame.take(self.end - 1)

    @property
    def length(self) -> Int64:
        """(P,) the number of detections of each piece."""
        return self.end - self.begin

    def rows(self, piece: int) -> Int64:
        """The detections of one piece, by frame."""
        return self.row[self.begin[piece] : self.end[piece]]

    def piece_of(self, rows: Int64) -> Int64:
        """The piece of each detection, -1 without one."""
        return self.piece_at(self.place.take(rows))

    def piece_at(self, places: Int64) -> Int64:
        """The piece at each place of `row`; -1 for place -1."""
        if len(self) == 0:
            return np.full(len(places), -1)
        at = np.searchsorted(self.begin, places, side="right", sorter=self.by_begin) - 1
        return np.where(places < 0, -1, self.by_begin.take(np.maximum(at, 0)))

    def cut(self, place: int) -> PieceTable:
        """The same with the piece at `place` cut before it: the piece keeps the part before, a new one is appended."""
        piece = int(self.piece_at(np.array([place]))[0])
        begin, end = np.append(self.begin, place), np.append(self.end, self.end[piece])
        end[piece] = place
        after = int((self.by_begin == piece).argmax()) + 1
        return replace(self, begin=begin, end=end, by_begin=np.insert(self.by_begin, after, len(self)))

    def with_single(self, row: int, frame: int) -> PieceTable:
        """The same with a detection that had no piece as a piece of its own."""
        at = len(self.row)
        place = self.place.copy()
        place[row] = at
        return PieceTable(
            np.append(self.row, row),
            np.append(self.frame, frame),
            np.append(self.cut_cost, np.nan),
            place,
            np.append(self.begin, at),
            np.append(self.end, at + 1),
            np.append(self.by_begin, len(self)),
        )

    def weakest_between(self, before: int, after: int) -> int:
        """The place of the cheapest cut between two places of one piece; of equals the one nearest to the middle."""
        places = np.arange(before + 1, after + 1)
        cost = self.cut_cost[before + 1 : after + 1]
        return int(places[np.lexsort((np.abs(2 * places - before - after - 1), cost))[0]])

    def cuts_in_order(self, before: int, after: int) -> list[int]:
        """The cheapest cuts after which the piece of the place `before` ends before that of `after` starts.

        The detection at `before` lies in an earlier frame than that at `after`, in another piece.
        """
        p, q = self.piece_at(np.array([before, after])).tolist()
        stop, start = int(self.end[p]), int(self.begin[q])
        ends = np.arange(before + 1, stop + 1)  # the first piece ends before this place
        starts = np.arange(start, after + 1)  # the second one starts at this place
        end_cost = np.append(self.cut_cost[before + 1 : stop], 0.0)
        start_cost = np.append(0.0, self.cut_cost[start + 1 : after + 1])
        cheapest = _argmin_so_far(end_cost)
        allowed = np.searchsorted(self.frame[before:stop], self.frame[start : after + 1]) - 1
        cost = np.where(allowed >= 0, start_cost + end_cost.take(cheapest.take(np.maximum(allowed, 0))), np.inf)
        best = int(cost.argmin())
        end, begin = int(ends[cheapest[allowed[best]]]), int(starts[best])
        return [place for place, whole in ((end, stop), (begin, start)) if place != whole]


def _argmin_so_far(values: Float64) -> Int64:
    """(K,) index of the first smallest of the values up to each."""
    best = np.minimum.accumulate(values)
    new = np.ones(len(values), bool)
    new[1:] = values[1:] < best[:-1]
    return np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))
