"""The head's inputs: features of a (track, detection) pair, and inputs of the liquid state at a match.

Each group of features is declared once, with its names and its computation; its rows follow from the order. All are
relative to the object's box height or to the prediction's spread, so that scale and position do not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from tracker.association.costs import Cues, Pairs, cues
from tracker.boxes import Overlap, overlap, to_xyxy
from tracker.learned.gating import gate
from tracker.motion.base import Observations, Prediction, TrackStatistics
from tracker.motion.track_averages import SPANS
from tracker.types import Bool, Float32, Float64, Int64

WEAK_SCORE = 0.4  # score below which the prior log-odds have a higher threshold: the second of the two stages
WEAK_LOGIT = 2.94

MEANS = 4 * len(SPANS)  # coordinates of all long-term averages
LATE_START_S = 1.0  # seconds after the scene's first track from which a track counts as late
LOST_AFTER_S = 0.3  # seconds since the last match from which a track is lost


C = TypeVar("C")


class Group(NamedTuple, Generic[C]):
    """Features that are computed together: their names, in the order of their rows, and the computation.

    Attributes:
        names: the name of each row.
        rows: computes the (len(names), K) values, or (K,) of one name, from the columns of K pairs or matches.
        long_term: from the track statistics; 0 for a head without them.
    """

    names: tuple[str, ...]
    rows: Callable[[C], Any]
    long_term: bool = False


class _PairColumns(NamedTuple):
    """The columns from which the features of K pairs are computed; K columns each."""

    i: Int64  # (K,) the tracks
    j: Int64  # (K,) the detections
    pairs: Pairs
    crowding: Float64  # (M,) of the detections
    containment: Float64  # (M,) of the detections
    statistics: TrackStatistics
    boxes: Overlap  # of the predicted and the detected boxes
    logs: Float64  # (2, K) log density of the detection under the prediction, and the prior log-odds
    similarity: Float64  # (K,) of the appearance, 0 where unknown
    known: Bool  # (K,) whether it is known
    last: Float64  # (4, K) coordinates of the tracks' last boxes
    z: Float64  # (4, K) gaps to the prediction in standard deviations
    place: Float64  # (2 + 2 + 2 S, K) gaps of centres in heights: to the prediction, the last box, the averages
    distance: Float64  # the same, compressed by `_soft`
    size: Float64  # the same of log sizes, by `_size`
    track: Float64  # (T, K) numbers of the pairs' tracks

    @classmethod
    def of(cls, pairs: Pairs, found: Cues, odds: Float64, good: Int64) -> _PairColumns:
        """The columns of the pairs `good` among all."""
        i, j = pairs.track.take(good), pairs.detection.take(good)
        p, observations, statistics = pairs.prediction, pairs.observations, pairs.prediction.statistics
        assert statistics is not None
        assert observations.crowding is not None
        assert observations.containment is not None
        # columns of tracks and of detections, each computed once and gathered for all pairs at once
        height, means = (
            np.exp(p.last_coordinates[:, 3]),
            statistics.mean_coordinates.reshape(len(p.last_coordinates), MEANS),
        )
        of_pair = np.concatenate([p.coordinates.T, p.last_coordinates.T, means.T, p.std.T, height[None]]).take(i, 1)
        here = observations.coordinates.T.take(j, 1)
        gaps = np.concatenate([here] * (2 + len(SPANS))) - of_pair[: 8 + MEANS]
        place, size = _split(gaps)
        place = place / of_pair[-1]
        similarity = np.full(len(i), np.nan) if pairs.similarity is None else pairs.similarity.take(good)
        known = np.isfinite(similarity)
        told = [
            statistics.crowding,
            np.log1p(statistics.age) / 3,
            statistics.occlusion,
            statistics.neighbour_iou,
            _wait(p.elapsed),
        ]
        return cls(
            i=i,
            j=j,
            pairs=pairs,
            crowding=observations.crowding,
            containment=observations.containment,
            statistics=statistics,
            boxes=Overlap(*[part.take(good) for part in found.boxes]),
            logs=np.concatenate([found.density.take(good), odds.take(good)]).reshape(2, -1),
            similarity=np.where(known, similarity, 0),
            known=known,
            last=of_pair[4:8],
            z=gaps[:4] / of_pair[-5:-1],
            place=place,
            distance=_soft(place),
            size=_size(size),
            track=np.concatenate(told).reshape(len(told), -1).take(i, 1),
        )


def _last_iou(c: _PairColumns) -> Float64:
    return overlap(to_xyxy(c.last.T), c.pairs.observations.xyxy.T.take(c.j, 1).T, 0.0).iou


def _spread(c: _PairColumns) -> Float64:
    p = c.pairs.prediction
    spread: Float64 = np.log(p.std[:, 0] / np.exp(p.last_coordinates[:, 3])).take(c.i)
    return spread


def _each(what: str, *coordinates: str) -> tuple[str, ...]:
    return tuple(f"{what} {coordinate}" for coordinate in coordinates)


_MEAN_PLACES = tuple(f"place against {span:g} s {c}" for span in SPANS for c in "xy")
_MEAN_SIZES = tuple(f"size against {span:g} s {c}" for span in SPANS for c in ("width", "height"))

# The features of a pair. The order is that of the weights: a new group needs a new training.
FEATURE_GROUPS: tuple[Group[_PairColumns], ...] = (
    Group(_each("gap", "x", "y"), lambda c: c.distance[:2]),
    Group(_each("shift", "x", "y"), lambda c: c.distance[2:4]),
    Group(_each("growth", "width", "height"), lambda c: c.size[2:4]),
    Group(_each("normalised innovation", "x", "y", "width", "height"), lambda c: np.arcsinh(c.z)),
    Group(("IoU", "buffered IoU", "height IoU"), lambda c: [*c.boxes]),
    Group(("IoU with the last box",), _last_iou),
    Group(("predicted spread",), _spread),
    Group(("track's score",), lambda c: c.pairs.score.take(c.i)),
    Group(("detection's score",), lambda c: c.pairs.observations.score.take(c.j)),
    Group(("detection's crowding",), lambda c: c.crowding.take(c.j)),
    Group(("log density", "prior logits"), lambda c: np.minimum(np.maximum(c.logs / 10, -2), 2)),
    Group(("appearance similarity",), lambda c: c.similarity),
    Group(("appearance similarity known",), lambda c: c.known),
    Group(("detection's containment",), lambda c: c.containment.take(c.j)),
    Group(_MEAN_PLACES, lambda c: c.distance[4:], long_term=True),
    Group(_MEAN_SIZES, lambda c: c.size[4:], long_term=True),
    Group(("track's crowding", "track's age"), lambda c: c.track[:2], long_term=True),
    Group(("track's occlusion", "track's neighbour IoU", "time since update"), lambda c: c.track[2:]),
    Group(
        (
            "scene's age",
            "tracks",
            "share of late tracks",
            "share of lost tracks",
            "detections a track",
            "frame interval",
        ),
        lambda c: _scene(c.pairs.prediction, c.statistics, c.pairs.observations)[:, None],
    ),
)


class _MatchColumns(NamedTuple):
    """The columns from which the liquid state's inputs at N matches are computed; N columns each."""

    observations: Observations
    statistics: TrackStatistics
    elapsed: Float64  # (N,) seconds since the match before
    share: Float64  # (N,) of the first motion mode
    z: Float64  # (4, N) gaps to the prediction in standard deviations
    distance: Float64  # (2 + 2 S + 2, N) gaps of centres, by `_soft`: to the last box, the averages; the camera's shift
    size: Float64  # (2 + 2 S, N) the same of log sizes, by `_size`

    @classmethod
    def of(cls, p: Prediction, observations: Observations, moved: Float64, share: Float64) -> _MatchColumns:
        """The columns for the arguments of `match_inputs`."""
        assert p.statistics is not None
        here, means = observations.coordinates.T, p.statistics.mean_coordinates.reshape(len(share), MEANS).T
        gaps = np.concatenate([here] * (2 + len(SPANS)))
        gaps -= np.concatenate([p.coordinates.T, p.last_coordinates.T, means])
        place, size = _split(gaps[4:])
        distance = _soft(np.concatenate([place, moved.T]) / np.exp(p.last_coordinates[:, 3]))
        return cls(observations, p.statistics, p.elapsed, share, gaps[:4] / p.std.T, distance, _size(size))


# The liquid state's inputs at a match; the order is that of the weights.
INPUT_GROUPS: tuple[Group[_MatchColumns], ...] = (
    Group(_each("normalised innovation", "x", "y", "width", "height"), lambda c: np.arcsinh(c.z)),
    Group(_each("shift", "x", "y"), lambda c: c.distance[:2]),
    Group(_each("growth", "width", "height"), lambda c: c.size[:2]),
    Group(_MEAN_PLACES, lambda c: c.distance[2:-2]),
    Group(_MEAN_SIZES, lambda c: c.size[2:]),
    Group(_each("camera shift", "x", "y"), lambda c: c.distance[-2:]),
    Group(("detection's score",), lambda c: c.observations.score),
    Group(("detection's crowding",), lambda c: 0 if c.observations.crowding is None else c.observations.crowding),
    Group(("time since update",), lambda c: _wait(c.elapsed)),
    Group(("share of the steady motion mode",), lambda c: c.share),
    Group(("track's occlusion",), lambda c: c.statistics.occlusion),
    Group(("track's age",), lambda c: np.log1p(c.statistics.age) / 3),
)


def _names(groups: tuple[Group[C], ...]) -> tuple[str, ...]:
    return tuple(name for group in groups for name in group.names)


def _places(groups: tuple[Group[C], ...]) -> list[int | slice]:
    """The rows of each group: one row, or a slice."""
    ends = np.cumsum([len(group.names) for group in groups]).tolist()
    return [
        end - 1 if len(g.names) == 1 else slice(end - len(g.names), end) for g, end in zip(groups, ends, strict=True)
    ]


def _fill(out: Float32, groups: tuple[Group[C], ...], places: list[int | slice], columns: C) -> Float32:
    """Fills `out` (rows of all groups, K), and returns it."""
    for place, (_, rows, _) in zip(places, groups, strict=True):
        out[place] = rows(columns)
    return out


FEATURE_NAMES, INPUT_NAMES = _names(FEATURE_GROUPS), _names(INPUT_GROUPS)
FEATURES, INPUTS = len(FEATURE_NAMES), len(INPUT_NAMES)  # numbers a pair, numbers a match
FEATURE_PLACES, INPUT_PLACES = _places(FEATURE_GROUPS), _places(INPUT_GROUPS)
LONG_TERM = [k for k, g in enumerate(g for g in FEATURE_GROUPS for _ in g.names) if g.long_term]  # rows


class PairView(NamedTuple):
    """The head's inputs for K pairs of one frame.

    Attributes:
        track, detection: (K,) rows.
        features: (K, FEATURES).
        z: (K, 4) gaps in standard deviations.
        gap: (K, 2) gaps of the centres in heights.
        prior_logits: (K,) log-odds of the prior's own association.
        rows: (K,) rows of these pairs among all.
        settled: (S,) rows of the unambiguous matches, which are left out.
        known: (S, 2) `gap` of the unambiguous matches.
    """

    track: Int64
    detection: Int64
    features: Float32
    z: Float32
    gap: Float32
    prior_logits: Float32
    rows: Int64
    settled: Int64
    known: Float32


def pair_view(pairs: Pairs, with_statistics: bool = True, settle: bool = False) -> PairView:
    """The head's inputs for a frame's pairs: those that pass the gate, with their features.

    Args:
        pairs: their `prediction` is the prior's, with track statistics.
        with_statistics: if False, the features of the track's long-term statistics are 0.
        settle: leave out unambiguous matches.
    """
    found = cues(pairs)
    odds = found.odds - WEAK_LOGIT * (pairs.observations.score < WEAK_SCORE).take(
        pairs.detection
    )  # the higher threshold of the second stage, applied in one stage
    good, settled = gate(pairs, odds, settle)
    moved = _moved(pairs, settled).astype(np.float32)
    if len(good) == 0:
        none = np.zeros((0, FEATURES), np.float32)
        return PairView(good, good, none, none[:, :4], none[:, :2], none[:, 0], good, settled, moved)
    columns = _PairColumns.of(pairs, found, odds, good)
    features = _fill(np.empty((FEATURES, len(good)), np.float32), FEATURE_GROUPS, FEATURE_PLACES, columns)
    if not with_statistics:
        features[LONG_TERM] = 0
    single = np.float32
    gap, base = columns.place[:2].T.astype(single), columns.logs[1].astype(single)
    return PairView(columns.i, columns.j, features.T, columns.z.T.astype(single), gap, base, good, settled, moved)


def _moved(pairs: Pairs, rows: Int64) -> Float64:
    """(S, 2) shift from the predictions to the detections of some pairs, in heights."""
    p, i = pairs.prediction, pairs.track.take(rows)
    gap = pairs.observations.coordinates.take(pairs.detection.take(rows), 0) - p.coordinates.take(i, 0)
    moved: Float64 = gap[:, :2] / np.exp(p.last_coordinates[:, 3]).take(i)[:, None]
    return moved


def _scene(p: Prediction, statistics: TrackStatistics, observations: Observations) -> Float64:
    """(6,) scene features: age, number of tracks, shares of late and lost tracks, detections a track, last interval."""
    if not len(p.elapsed):
        return np.zeros(6)
    oldest = statistics.age.max()
    n, latest = len(p.elapsed), p.elapsed.min()
    here, late = np.count_nonzero(p.elapsed < 1.0), np.count_nonzero(statistics.age < oldest - LATE_START_S)
    lost = np.count_nonzero(p.elapsed > LOST_AFTER_S + latest)
    sure = np.count_nonzero(observations.score >= WEAK_SCORE)
    return np.array(
        [
            math.log1p(oldest) / 3,
            math.log1p(n) / 3,
            late / n,
            lost / n,
            math.log((1 + sure) / (1 + here)),
            _wait(latest),
        ]
    )


def match_inputs(prediction: Prediction, observations: Observations, moved: Float64, share: Float64) -> Float32:
    """(N, INPUTS) inputs from the tracks and their matched detections, row by row.

    Args:
        moved: (N, 2) the track's shift by camera motion since its last match, pixels.
        share: (N,) probability of the first motion mode (walking).
    """
    columns = _MatchColumns.of(prediction, observations, moved, share)
    return _fill(np.empty((INPUTS, len(share)), np.float32), INPUT_GROUPS, INPUT_PLACES, columns).T


def _split(gaps: Float64) -> tuple[Float64, Float64]:
    """(4 B, K) gaps of B boxes' coordinates -> (2 B, K) gaps of centres and (2 B, K) gaps of sizes."""
    boxes, pairs = len(gaps) // 4, gaps.shape[1]
    parts = gaps.reshape(boxes, 2, 2, pairs)
    return parts[:, 0].reshape(2 * boxes, pairs), parts[:, 1].reshape(2 * boxes, pairs)


def _soft(lengths: Float64) -> Float64:
    """Lengths in heights, compressed logarithmically where large."""
    soft: Float64 = np.arcsinh(4 * lengths) / 2
    return soft


def _size(logs: Float64) -> Float64:
    """Differences of log sizes, bounded."""
    size: Float64 = np.minimum(np.maximum(2 * logs, -3), 3)
    return size


def _wait(seconds: Float64) -> Float64:
    wait: Float64 = np.log1p(seconds / 0.1) / 2
    return wait
