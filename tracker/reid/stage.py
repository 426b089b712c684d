"""The re-identification stage after the tracker: compares new tracks with the gallery, decides, and restores ids.

A track has its final id from the first frame in which it is shown. So a new track is held back while it may be an
earlier identity: until one identity, or none, is probable enough, and for at most `reid_wait` seconds. Where no
identity can have returned, no track is held back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tracker.reid.config import ReidConfig
from tracker.reid.gallery import NO_TRACK, Gallery, keep_views, view_quality
from tracker.reid.matching import (
    BARE,
    WithinMetric,
    embed,
    log_odds,
    marginals,
    normalised_similarity,
    reachable,
    within_metric,
)
from tracker.table import find
from tracker.types import Bool, Float32, Float64, Frame, Int64, State, Tracks

# boxes (N, 4) of a frame, whole pixels inside it -> (N, D) unit features
CropEncoder = Callable[[Frame, Int64], Float32]

# box heights a second, and box heights: a runner reaches 2.5, a box may be off by 0.5
MAX_SPEED, POSITION_SLACK = 3.0, 1.0
MIN_ABSENCE_S = 2.0  # seconds without a match after which a track that the engine continues must be re-identified too
MIN_NEWCOMER_PROBABILITY = 0.9  # probability of a new identity from which its track is shown at once
# fewest identities with views for a reliable mean, against which a new identity can be recognised as new
MIN_GALLERY = 3
MIN_VIEWS = 2  # fewest views with which a match may end the wait early
MIN_QUALITY = 0.25  # least quality of a view
SHARE, OFTEN, SELDOM = 0.25, 0.1, 2.0  # seconds between views of one track: share of its age, least, most
METRIC_VIEWS = 256  # most views that the metric is learned from
METRIC_MAX_AGE_S = 1.0  # seconds after which the metric is learned again
TENTATIVE_ODDS = 1.0  # prior odds of the identity that the engine continued, against a new one, before any view


class ReidStage:
    """Restores ids. Call it with each frame and the engine's tracks, in order and from one thread (see `ReidTracker`).

    Args:
        encode: computes the features of boxes.
        dim: length of the features.
        new_id: gives the next unused id.
        config: bounds and thresholds.
        bare: as in `within_metric`; infinite for the ablation without learning.
    """

    def __init__(
        self,
        encode: CropEncoder,
        dim: int,
        new_id: Callable[[], int],
        config: ReidConfig | None = None,
        bare: float = BARE,
    ) -> None:
        self._bare = bare
        self._encode, self._dim, self._new_id, self._config = encode, dim, new_id, config or ReidConfig()
        none = np.zeros(0, np.int64)
        self._gallery = Gallery.fresh(none, none, np.zeros((0, 4)), 0.0, dim, none)
        self._metric: WithinMetric | None = None
        self._learnt = -np.inf

    @property
    def gallery(self) -> Gallery:
        """All identities known now."""
        return self._gallery

    def __call__(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The frame's tracks with restored ids; `TENTATIVE` while their identity is undecided."""
        self._follow(tracks, frame.time)
        pairs = self._pairs(frame.time)
        self._view(frame, tracks)
        self._decide(pairs, frame.time)
        self._forget(frame.time)
        p = self._gallery
        row = find(tracks.id, p.track_id)
        known = row >= 0
        id, state = tracks.id.copy(), tracks.state.copy()
        id[known] = p.id[row[known]]
        state[known] = np.where(p.resolved[row[known]], state[known], np.int8(State.TENTATIVE))
        return replace(tracks, id=id, state=state)

    def _follow(self, tracks: Tracks, now: float) -> None:
        """Adds rows for new tracks, and ends those of tracks that ended or were absent for long."""
        p = self._gallery
        p.track_id[~np.isin(p.track_id, tracks.id)] = NO_TRACK
        p = p.take((p.track_id != NO_TRACK) | (p.resolved & (p.count > 0)))
        here = tracks.take(tracks.time_since_update == 0)
        row = find(here.id, p.track_id)
        claim = np.zeros(len(here), np.int64)
        away = (
            (row >= 0) & (now - p.last_seen[row] > MIN_ABSENCE_S) & p.resolved[row] & (p.count[row] > 0)
            if len(p)
            else row >= 0
        )
        claim[away] = p.id[row[away]]
        p.track_id[row[away]] = NO_TRACK
        row[away] = -1
        known = row >= 0
        p.last_seen[row[known]] = now
        p.xyxy[row[known]] = here.xyxy[known]
        if not known.all():
            new, xyxy = here.take(~known), here.xyxy[~known].astype(np.float64)
            fresh = Gallery.fresh(new.id, new.label, xyxy, now, self._dim, claim[~known])
            for k in fresh.tentative_id.nonzero()[0].tolist():  # the engine's id is that of the earlier identity
                fresh.id[k] = self._new_id()
            p = p.join(fresh)
        self._gallery = p

    def _pairs(self, now: float) -> tuple[Int64, Int64, Bool]:
        """(M,) undecided rows, (G,) ended rows, (M, G) possible pairs; undecided rows without a pair are decided."""
        p = self._gallery
        gone = (p.track_id == NO_TRACK).nonzero()[0]
        open_ = (~p.resolved).nonzero()[0]
        elapsed = p.start_time[open_][:, None] - p.last_seen[gone]
        can = reachable(p.xyxy[open_], p.xyxy[gone], elapsed, MAX_SPEED, POSITION_SLACK)
        can &= p.label[open_][:, None] == p.label[gone]
        waits = can.any(axis=1) & ((p.resolved & (p.count > 0)).sum() >= MIN_GALLERY)
        p.resolved[open_[~waits]] = True
        return open_[waits], gone, can[waits]

    def _view(self, frame: Frame, tracks: Tracks) -> None:
        """Encodes the most useful crops of this frame: undecided tracks first, then those longest without a view."""
        p, now = self._gallery, frame.time
        here = tracks.take(tracks.time_since_update == 0)
        row = find(here.id, p.track_id)
        quality = view_quality(here.xyxy.astype(np.float64), here.score, frame.size)
        pause = now - p.last_viewed[row]
        due = pause >= np.clip(SHARE * (now - p.start_time[row]), OFTEN, SELDOM)
        wanted = (due & (quality >= MIN_QUALITY)).nonzero()[0]
        order = np.lexsort((-pause[wanted], p.resolved[row[wanted]]))
        wanted = wanted[order[: self._config.reid_crops]]
        if len(wanted):
            boxes = np.clip(np.rint(here.xyxy[wanted]), 0, [*frame.size, *frame.size]).astype(np.int64)
            new, rows = self._encode(frame, boxes), row[wanted]
            p.views[rows], p.quality[rows] = keep_views(p.views[rows], p.quality[rows], new, quality[wanted])
            p.last_viewed[rows] = now

    def _decide(self, pairs: tuple[Int64, Int64, Bool], now: float) -> None:
        """Decides tracks with a clear match and tracks that have waited for long enough."""
        open_, gone, can = pairs
        if not len(open_):
            return
        p = self._gallery
        late = now - p.start_time[open_] >= self._config.reid_wait
        seen = p.count[open_] > 0
        weights = can / np.maximum(can.sum(axis=1, keepdims=True), 1)  # half of all new tracks are new identities
        claimed = can & (p.id[gone] == p.tentative_id[open_][:, None])
        weights[claimed] = TENTATIVE_ODDS
        weights[seen] *= self._odds(open_[seen], gone, now)
        weights[~seen & ~late] = 0  # not yet in competition
        chance = marginals(weights)
        best = chance[:, :-1].argmax(axis=1)
        each = np.arange(len(open_))
        enough = (p.count[open_] >= MIN_VIEWS) | late
        asked = np.where(claimed[each, best] & late, 0.5, self._config.reid_probability)
        joins = enough & (chance[each, best] >= asked)
        joins = _first(best, chance[each, best], joins)
        new = ~joins & (late | (seen & (chance[:, -1] >= MIN_NEWCOMER_PROBABILITY)))
        p.resolved[open_[new]] = True
        self._join(open_[joins], gone[best[joins]])

    def _odds(self, open_: Int64, gone: Int64, now: float) -> Float64:
        """(M, G) likelihood ratio of each pair's views: one identity against two identities."""
        p = self._gallery
        count = p.count
        if self._metric is None or now - self._learnt >= METRIC_MAX_AGE_S:
            latest = np.argsort(np.where(p.resolved, -p.last_seen, np.inf), kind="stable")
            latest = latest[p.resolved[latest] & (np.cumsum(count[latest]) <= METRIC_VIEWS)]
            who, which = (p.quality[latest] > 0).nonzero()
            self._metric, self._learnt = within_metric(p.views[latest[who], which], latest[who], self._bare), now
        rows = (count > 0).nonzero()[0]
        e = embed(self._metric, p.views[rows], p.quality[rows])
        z = normalised_similarity((e @ e.T).astype(np.float64), p.first_seen[rows], p.last_seen[rows], p.resolved[rows])
        return np.exp(log_odds(z[np.ix_(np.searchsorted(rows, open_), np.searchsorted(rows, gone))]))

    def _join(self, new: Int64, old: Int64) -> None:
        """Merges rows `new` into the identities of rows `old`."""
        p = self._gallery
        for column in ("track_id", "start_time", "last_seen", "last_viewed", "xyxy"):
            getattr(p, column)[old] = getattr(p, column)[new]
        for k in range(p.views.shape[1]):
            has = p.quality[new, k] > 0
            o, n = old[has], new[has]
            if len(o):
                p.views[o], p.quality[o] = keep_views(p.views[o], p.quality[o], p.views[n, k], p.quality[n, k])
        keep = np.ones(len(p), bool)
        keep[new] = False
        self._gallery = p.take(keep)

    def _forget(self, now: float) -> None:
        """Removes identities that ended too long ago, and the oldest beyond the gallery's size."""
        p = self._gallery
        gone = (p.track_id == NO_TRACK).nonzero()[0]
        gone = gone[np.argsort(-p.last_seen[gone], kind="stable")]
        keep = np.ones(len(p), bool)
        keep[gone[self._config.reid_gallery_size :]] = False
        keep[gone[now - p.last_seen[gone] > self._config.reid_memory]] = False
        if not keep.all():
            self._gallery = p.take(keep)


def _first(column: Int64, value: Float64, among: Bool) -> Bool:
    """(M,) which of the rows `among` has the largest value of those with its column."""
    order = np.argsort(-value, kind="stable")
    order = order[among[order]]
    first = np.zeros(len(column), bool)
    first[order[np.unique(column[order], return_index=True)[1]]] = True
    return first
