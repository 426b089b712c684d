"""The pieces of tracks, and the pairs of them that can follow each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import DataError
from tracker.types import Bool, Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class LinkProblem:
    """P pieces of tracks and K pairs of them that can follow each other.

    Attributes:
        first, last: (P,) index of the first and last frame of each piece.
        earlier, later: (K,) the pieces of each pair, each pair at most once; `earlier` ends before `later` starts.
        log_odds: (K,) that `later` continues `earlier`.
        start, end: (P,) log-odds of starting and ending freely; 0 where None is given.
        forced, forbidden: (K,) bool, pairs that link and pairs that do not; none where None is given.

    Raises:
        DataError: an index out of range, an order against time, a pair that occurs twice, log-odds that are not finite,
            or a pair that is forced beside another that is.
    """

    first: Int64
    last: Int64
    earlier: Int64
    later: Int64
    log_odds: Float64
    start: Float64 | None = None
    end: Float64 | None = None
    forced: Bool | None = None
    forbidden: Bool | None = None

    def __post_init__(self) -> None:
        pieces, pairs = len(self.first), len(self.earlier)
        _check_pieces(self.first, self.last)
        for name, length in (("later", pairs), ("log_odds", pairs), ("forced", pairs), ("forbidden", pairs)):
            _check_length(name, getattr(self, name), length, "pair")
        for name in ("start", "end"):
            _check_length(name, getattr(self, name), pieces, "piece")
            _check_finite(name, getattr(self, name), "piece")
        _check_finite("log_odds", self.log_odds, "pair")
        if pairs == 0:
            return
        both = np.concatenate([self.earlier, self.later])
        if both.min() < 0 or both.max() >= pieces:
            raise DataError(f"a pair names piece {_outside(both, pieces)}; give pieces from 0 to {pieces - 1}.")
        wrong = (self.last.take(self.earlier) >= self.first.take(self.later)).nonzero()[0]
        if len(wrong):
            i, j = int(self.earlier[wrong[0]]), int(self.later[wrong[0]])
            raise DataError(
                f"piece {j} starts in frame {self.first[j]}, but is to follow piece {i} that ends in frame "
                f"{self.last[i]}; give pairs whose earlier piece ends before the later one starts."
            )
        key = np.sort(self.earlier * pieces + self.later)
        twice = (key[1:] == key[:-1]).nonzero()[0]
        if len(twice):
            i, j = divmod(int(key[twice[0]]), pieces)
            raise DataError(f"the pair of pieces {i} and {j} is given twice; give each pair once.")
        if self.forced is not None:
            self._check_forced(self.forced)

    def _check_forced(self, forced: Bool) -> None:
        if self.forbidden is not None and (forced & self.forbidden).any():
            k = int((forced & self.forbidden).argmax())
            raise DataError(
                f"the pair of pieces {self.earlier[k]} and {self.later[k]} is both forced and forbidden; keep one."
            )
        for side, word in ((self.earlier, "followers"), (self.later, "predecessors")):
            count = np.bincount(side[forced], minlength=1)
            if count.max() > 1:
                raise DataError(f"piece {count.argmax()} has {count.max()} forced {word}; force one at most.")

    def __len__(self) -> int:
        return len(self.first)

    @property
    def gain(self) -> Float64:
        """(K,) log-odds of each pair beyond those of a free end and a free start.

        -inf where the pair cannot link, inf where it must.
        """
        gain = self.log_odds.astype(np.float64)
        if self.end is not None:
            gain -= self.end.take(self.earlier)
        if self.start is not None:
            gain -= self.start.take(self.later)
        if self.forbidden is not None:
            gain[self.forbidden] = -np.inf
        if self.forced is not None and self.forced.any():
            end, start = np.zeros(len(self), bool), np.zeros(len(self), bool)
            end[self.earlier[self.forced]] = start[self.later[self.forced]] = True
            gain[end.take(self.earlier) | start.take(self.later)] = -np.inf
            gain[self.forced] = np.inf
        return gain


def _check_pieces(first: Int64, last: Int64) -> None:
    if len(first) != len(last):
        raise DataError(f"{len(first)} pieces have a first frame and {len(last)} a last one; give both for each.")
    wrong = (last < first).nonzero()[0]
    if len(wrong):
        i = int(wrong[0])
        raise DataError(f"piece {i} ends in frame {last[i]} before its first frame {first[i]}; give rising frames.")


def _check_length(name: str, values: Int64 | Float64 | Bool | None, length: int, what: str) -> None:
    if values is not None and len(values) != length:
        raise DataError(f"{name} has {len(values)} values for {length} {what}s; give one for each {what}.")


def _check_finite(name: str, values: Float64 | None, what: str) -> None:
    if values is not None and not np.isfinite(values).all():
        k = int((~np.isfinite(values)).argmax())
        raise DataError(f"{name} of {what} {k} is {values[k]}; give finite log-odds.")


def _outside(values: Int64, end: int) -> int:
    return int(values[((values < 0) | (values >= end)).argmax()])
