"""What tells whether two successive detections of a finished track are one object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.boxes import overlap, to_xyxy
from tracker.offline.linking.rounds import Linking
from tracker.offline.recording import Recording
from tracker.types import Float32, Float64, Int64

WINDOW_S = 1.5  # seconds before and after a link that are compared
UNKNOWN_LOGIT = -4.0  # margin of a link that the online tracker did not make
SURE_LOGIT = 8.0  # log-odds within a piece
DOUBTS = 29  # numbers a link


@dataclass(frozen=True, eq=False, slots=True)
class Links:
    """All links between two successive detections of one track: L rows, in order of track and time.

    Attributes:
        row: (M,) the detections of all tracks, in order of track and time.
        at: (L,) index into `row` of the later detection of each link; the earlier is the one before it.
    """

    row: Int64
    at: Int64

    @property
    def earlier(self) -> Int64:
        """(L,) row of the earlier detection."""
        return self.row[self.at - 1]

    @property
    def later(self) -> Int64:
        """(L,) row of the later detection."""
        return self.row[self.at]


def links_of(frame: Int64, track: Int64) -> Links:
    """The links of the tracks `track` (N,), -1 without one."""
    rows = (track >= 0).nonzero()[0]
    rows = rows[np.lexsort((frame[rows], track[rows]))]
    return Links(rows, (track[rows[1:]] == track[rows[:-1]]).nonzero()[0] + 1)


def doubt_features(r: Recording, linking: Linking, links: Links) -> Float32:
    """(L, D) features of links."""
    o, earlier, later = r.online, links.earlier, links.later
    own = o.before[later] == earlier
    margin = np.where(own, np.nan_to_num(o.margin[later], nan=UNKNOWN_LOGIT), UNKNOWN_LOGIT)
    odds = np.where(own, np.nan_to_num(o.log_odds[later], nan=UNKNOWN_LOGIT), UNKNOWN_LOGIT)
    here, there = r.coordinates[earlier], r.coordinates[later]
    height = np.exp(0.5 * (here[:, 3] + there[:, 3]))[:, None]
    gap = (there - here)[:, :2] / height
    boxes = overlap(to_xyxy(here), to_xyxy(there), 0.3)
    dt = r.time[later] - r.time[earlier]
    frame = r.detections.frame
    to_rival, from_rival = _rivals(r, earlier, later)
    piece = linking.pieces.piece
    junction, known = _junctions(linking, links)
    columns = [
        own,
        np.clip(margin / 4, -2, 4),
        np.clip(odds / 4, -3, 4),
        np.clip(to_rival / 4, -2, 4),
        np.clip(from_rival / 4, -2, 4),
        (piece[earlier] == piece[later]) & (piece[later] >= 0),
        piece[earlier] < 0,
        piece[later] < 0,
        junction / 4,
        known,
        np.log1p(dt / 0.1) / 2,
        np.log1p(frame[later] - frame[earlier] - 1) / 2,
        r.score[earlier],
        r.score[later],
        r.crowding[earlier],
        r.crowding[later],
        boxes.iou,
        boxes.buffered,
        np.arcsinh(4 * np.hypot(gap[:, 0], gap[:, 1])) / 2,
        *np.clip(2 * np.abs(there - here)[:, 2:], 0, 3).T,
    ]
    single = [np.asarray(column, np.float32)[:, None] for column in columns]  # an hour has two million links
    return np.concatenate([*single, _both_sides(r, links, height).astype(np.float32)], axis=1)


def _rivals(r: Recording, earlier: Int64, later: Int64) -> tuple[Float64, Float64]:
    """(L,) the online log-odds of the best other detection before `later`, and of the best other after `earlier`."""
    o = r.online
    best = np.full((2, len(o.track)), UNKNOWN_LOGIT)
    if len(o.pair_earlier):
        used = np.full(len(o.track), -1)
        used[later] = earlier
        other = used[o.pair_later] != o.pair_earlier
        odds = o.pair_log_odds[other].astype(np.float64)
        np.maximum.at(best[0], o.pair_later[other], odds)
        np.maximum.at(best[1], o.pair_earlier[other], odds)
    return best[0][later], best[1][earlier]


def _junctions(linking: Linking, links: Links) -> tuple[Float64, Float64]:
    """(L,) log-odds of the link between pieces that a link lies in, and (L,) whether it lies in one or in a piece."""
    pieces, solution, problem = linking.pieces, linking.solution, linking.problem
    chosen = np.full(len(pieces) + 1, np.nan)
    if len(problem.earlier):
        taken = (solution.follower[problem.earlier] == problem.later).nonzero()[0]
        p = np.clip(solution.probability[taken], 1e-4, 1 - 1e-4)
        chosen[problem.earlier[taken]] = np.log(p / (1 - p))
    of = pieces.piece[links.row]
    place = np.arange(len(of))
    seen = np.maximum.accumulate(np.where(of >= 0, place, 0)) if len(of) else place
    coming = np.minimum.accumulate(np.where(of >= 0, place, len(of) - 1)[::-1])[::-1] if len(of) else place
    before, after = of[seen[links.at - 1]], of[coming[links.at]]
    same = (before == after) & (before >= 0)
    follows = (before >= 0) & (after >= 0) & (np.append(solution.follower, -1)[before] == after)
    odds = np.where(same, SURE_LOGIT, np.where(follows, chosen[before], 0.0))
    return np.nan_to_num(odds), (same | follows).astype(np.float64)


def _both_sides(r: Recording, links: Links, height: Float64) -> Float64:
    """(L, 8) how the averages of the track differ before and after each link, and how much there is of each."""
    row, at = links.row, links.at
    coordinates, time = r.coordinates[row], r.time[row]
    number = np.zeros(len(row), np.int64)
    new = np.ones(len(row), bool)
    new[at] = False
    number = np.cumsum(new) - 1
    begin = np.append(new.nonzero()[0], len(row))
    centre = coordinates[begin[:-1]][number]
    weight = r.score[row] * (1 - r.crowding[row]) + 1e-3
    x = np.concatenate([weight[:, None], weight[:, None] * (coordinates - centre)], axis=1)
    sums = np.concatenate([np.zeros((1, 5)), np.cumsum(x, axis=0)])
    span = 2 * (float(np.ptp(time)) if len(time) else 0.0) + 4 * WINDOW_S + 1
    key = number * span + time
    low = np.searchsorted(key, key[at - 1] - WINDOW_S, side="left")
    high = np.searchsorted(key, key[at] + WINDOW_S, side="right")
    before, after = sums[at] - sums[low], sums[high] - sums[at]
    mean_before, mean_after = before[:, 1:] / before[:, :1], after[:, 1:] / after[:, :1]
    away = mean_after - mean_before
    counts = np.stack([at - low, high - at], axis=1)
    return np.concatenate(
        [
            np.arcsinh(4 * np.abs(away[:, :2]) / height) / 2,
            np.clip(2 * np.abs(away[:, 2:]), 0, 3),
            np.log1p(counts) / 3,
            np.log1p(np.stack([before[:, 0], after[:, 0]], axis=1)) / 3,
        ],
        axis=1,
    )
