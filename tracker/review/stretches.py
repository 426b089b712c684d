"""Stretches of a track that may show nothing: scores that are low beside its other ones, at an end or in between."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from tracker.review.types import AnswerOption, Question, ReviewView, TrackRows
from tracker.types import Bool, Float64, Int64

LEAST_S = 0.3  # seconds of a stretch
REST_S = 0.2  # least seconds of the track beside it
USUAL = 0.7  # quantile of the log-odds of a track's scores: what it usually has
LOWER, HIGHEST = 1.0, 0.2  # a score is low that is so many log-odds below the usual one, and at most HIGHEST
MOST, TRIES = 4, 16  # stretches of one track; places that are looked at for them
SCORES = 0.02, 0.98  # scores beyond them say no more
SHOWN_S = 1.0  # seconds shown before and after
KNOWN = -1e3  # evidence where a person saw the object
KEY = re.compile(r"stretch:(?P<first>\d+|f\d+x[0-9a-f]+)-(?P<last>\d+|f\d+x[0-9a-f]+)")


@dataclass(frozen=True, eq=False, slots=True)
class Stretches:
    """S stretches of one track, in order of time.

    Attributes:
        first, last: (S,) their first and last rows.
        at_start, at_end: (S,) whether the track starts or ends with it.
        seconds: (S,) from its first row to its last.
    """

    first: Int64
    last: Int64
    at_start: Bool
    at_end: Bool
    seconds: Float64

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class SeenStretches:
    """Stretches about which a person answered: what is left of them shows the object.

    Attributes:
        names: names of their first and last rows.
    """

    names: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, keys: Iterable[str]) -> SeenStretches:
        """Those among the keys of what was answered."""
        found = (KEY.fullmatch(key) for key in keys)
        return cls(tuple((one["first"], one["last"]) for one in found if one is not None))

    def rows(self, track: TrackRows) -> list[slice]:
        """The rows of a track between the first and the last row of each.

        Where the track has only one of the two, after a cut between them, they go on to its end or begin at its start.
        """
        if not self.names:
            return []
        near = np.isin(track.detection, self._detections) | np.isin(track.frame, self._frames)
        row_of = {track.name(row): row for row in near.nonzero()[0].tolist()}
        return [
            slice(row_of.get(first, 0), row_of.get(last, len(track) - 1) + 1)
            for first, last in self.names
            if first in row_of or last in row_of
        ]

    @cached_property
    def _detections(self) -> Int64:
        return np.array([int(name) for pair in self.names for name in pair if name[0] != "f"], np.int64)

    @cached_property
    def _frames(self) -> Int64:
        return np.array(
            [int(name[1:].split("x")[0]) for pair in self.names for name in pair if name[0] == "f"], np.int64
        )


NOTHING_SEEN = SeenStretches(())
_FOUND: WeakKeyDictionary[TrackRows, Stretches] = WeakKeyDictionary()  # most tracks are the same from answer to answer


def stretches_of(track: TrackRows, seen: SeenStretches) -> Stretches:
    """The stretches of a track that may show nothing: those of the largest sums of how much too low each score is.

    Rows whose links a person knows to be right, as after a look at the whole track, speak for no stretch.

    Args:
        track: its rows.
        seen: what was answered.
    """
    if (found := _FOUND.get(track)) is None:
        found = _FOUND[track] = _found(track, [])
    known = seen.rows(track) if len(found) else []
    return _found(track, known) if known else found


def _found(track: TrackRows, known: list[slice]) -> Stretches:
    odds = _log_odds(track.score)
    evidence = min(float(np.quantile(odds, USUAL)) - LOWER, HIGHEST) - odds
    evidence[track.link >= 1] = np.minimum(evidence[track.link >= 1], 0)
    for rows in known:
        evidence[rows] = KNOWN
    parts = sorted(_largest_sums(evidence, track.time))
    first, last = (np.array([part[side] for part in parts], np.int64) for side in (0, 1))
    return Stretches(first, last, first == 0, last == len(track) - 1, track.time[last] - track.time[first])


def _largest_sums(evidence: Float64, time: Float64) -> list[tuple[int, int]]:
    """(first, last) rows of the stretch with the largest sum, and of those before and after it, and so on."""
    total = np.concatenate([[0.0], np.cumsum(evidence)])
    open_ = [(0, len(evidence))]
    found: list[tuple[int, int]] = []
    duration = float(time[-1] - time[0])
    for _ in range(TRIES):
        if not open_ or len(found) == MOST:
            break
        low, high = open_.pop(0)
        if high - low < 2:
            continue
        part = total[low : high + 1]
        gain = part[1:] - np.minimum.accumulate(part[:-1])
        last = int(np.argmax(gain))
        if gain[last] <= 0:
            continue
        first = int(np.argmin(part[: last + 1]))
        seconds = float(time[low + last] - time[low + first])
        if seconds >= LEAST_S and duration - seconds >= REST_S:
            found.append((low + first, low + last))
        open_ += [(low, low + first), (low + last + 1, high)]
    return found


def _log_odds(score: Any) -> Float64:
    p = np.clip(np.asarray(score, np.float64), *SCORES)
    return np.asarray(np.log(p / (1 - p)))


def stretch_question(view: ReviewView, track: int, first: int, last: int, chance: float, cost: float) -> Question:
    """The question whether a track shows its object in rows `first` to `last`.

    Its frame is where a cut is made: the first frame without the object, or the first one with it after a stretch at
    the start.
    """
    rows = view.tracks[track]
    at_start = first == 0 and track not in view.begun
    at_end = last == len(rows) - 1 and track not in view.going
    begin, end = int(rows.frame[first]), int(rows.frame[last])
    key = f"stretch:{rows.name(first)}-{rows.name(last)}"
    cuts: list[tuple[str, dict[str, int]]] = []
    if at_start:
        cuts = [("start", {"last": end})]
    elif at_end:
        cuts = [("rest", {"first": begin})]
    else:
        cuts = [("part", {"first": begin, "last": end})]
        cuts += [("rest", {"first": begin})] if track not in view.going else []
        cuts += [("start", {"last": end})] if track not in view.begun else []
    options = [AnswerOption("keep", (track,), 1 - chance, said=(key,))]
    for k, (name, frames) in enumerate(cuts):
        share = chance * (1.0 if len(cuts) == 1 else 0.5 if k == 0 else 0.5 / (len(cuts) - 1))
        options.append(AnswerOption(name, (track,), share, ("delete", {"track": track, **frames}), said=(key,)))
    shown = float(rows.time[first]) - SHOWN_S, float(rows.time[last]) + SHOWN_S
    frame = int(rows.frame[last + 1]) if at_start else begin
    window = view.frame_at(shown[0]), view.frame_at(shown[1])
    return Question(key, "stretch", (track,), frame, *window, chance, cost, 1.0, None, tuple(options), (begin, end))
