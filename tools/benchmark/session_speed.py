"""Time to solve a recording's linking again after a person's word, for `liquidtrack bench whole-speed`.

The pieces are those of online tracking, cut where it is in doubt; pairs are scored by distance and gap alone. What the
scores are does not change the time much, how many pairs there are does.
"""

from __future__ import annotations

from time import process_time

import numpy as np

from models.errors import DataError
from tracker.offline.constraints.session import LinkSession
from tracker.offline.decision.problem import LinkProblem
from tracker.offline.online import OnlineTracks
from tracker.offline.types import Constraint, VideoDetections
from tracker.types import Float64, Int64

CUT_MARGIN = 4.0  # log-odds; the pieces of at least 1 s of issue 26 are cut here
CANDIDATES = 8  # pairs of each end
REACH = 1.0  # heights per second that an object moves at most, beyond one height


def session_of(detections: VideoDetections, online: OnlineTracks, max_absence: float) -> LinkSession:
    """The session of a recording: pieces that `online` made without doubt, and pairs up to `max_absence` seconds."""
    piece, first, last = pieces_of(online)
    cost = np.nan_to_num(online.log_odds.astype(np.float64))
    time = detections.times[detections.frame]
    centre = (detections.xyxy[:, :2] + detections.xyxy[:, 2:]).astype(np.float64) / 2
    height = (detections.xyxy[:, 3] - detections.xyxy[:, 1]).astype(np.float64)
    begin, end = time[first], time[last]
    order = np.argsort(begin, kind="stable")
    low = np.searchsorted(begin[order], end, side="right")
    high = np.searchsorted(begin[order], end + max_absence, side="right")
    count = high - low
    earlier = np.repeat(np.arange(len(first)), count)
    later = order[np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(low, count)]
    gap = begin[later] - end[earlier]
    tall = (height[last[earlier]] + height[first[later]]) / 2
    away = np.linalg.norm(centre[first[later]] - centre[last[earlier]], axis=1) / tall
    near = (away <= 1 + REACH * gap).nonzero()[0]
    near = _best(earlier[near], away[near] + gap[near], CANDIDATES, near)
    odds = 4.0 - 3.0 * away[near] - np.log1p(gap[near])
    frame = detections.frame
    problem = LinkProblem(frame[first], frame[last], earlier[near], later[near], odds)
    return LinkSession.of(detections.times, frame, piece, cost, problem)


def _best(group: Int64, cost: Float64, most: int, rows: Int64) -> Int64:
    """Those of `rows` with the `most` lowest costs of each group, in their order."""
    order = np.lexsort((cost, group))
    ordered = group[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return np.sort(rows[order[rank < most]])


def pieces_of(online: OnlineTracks) -> tuple[Int64, Int64, Int64]:
    """(N,) the piece of each detection, -1 without one; (P,) the first and last detection of each piece."""
    inside = (online.before >= 0) & (online.margin >= CUT_MARGIN)
    rows = (online.track >= 0).nonzero()[0]
    order = rows[np.lexsort((rows, online.track[rows]))]
    starts = ~inside[order]
    number = np.cumsum(starts) - 1
    piece = np.full(len(online.track), -1)
    piece[order] = number
    first = starts.nonzero()[0]
    last = np.append(first[1:], len(order)) - 1
    return piece, order[first], order[last[: len(first)]]


def time_constraints(session: LinkSession, first: Int64, last: Int64, count: int, seed: int = 0) -> Float64:
    """(C, 2) seconds of the processor that each of `count` constraints takes, one after the other.

    First column: the links and their probabilities. Second column: the margins of all decisions, which an annotator's
    list needs but not every change. Each constraint contradicts the links that hold: a pair that is linked is two
    objects, or one that is not is the same. Those that contradict earlier ones are left out, so C may be smaller.
    """
    rng = np.random.default_rng(seed)
    problem, follower = session.problem, session.follower
    _ = session.solution, session.margins
    spent = []
    for k in rng.permutation(len(problem.earlier))[:count].tolist():
        i, j = int(problem.earlier[k]), int(problem.later[k])
        one = Constraint(int(last[i]), int(first[j]), bool(follower[i] != j))
        start = process_time()
        try:
            after = session.with_constraint(one)
        except DataError:
            continue
        _ = after.solution
        solved = process_time()
        _ = after.margins
        spent.append((solved - start, process_time() - solved))
        session = after
    return np.array(spent).reshape(-1, 2)
