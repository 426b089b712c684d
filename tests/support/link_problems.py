"""Random recordings for linking: objects that come and go, cut into pieces, and the log-odds of what follows what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.offline.decision.problem import LinkProblem
from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class LinkRecording:
    """A recording with N detections of known objects, in P pieces.

    Attributes:
        times: (F,) seconds, with frames of uneven length.
        frame: (N,) not decreasing.
        object: (N,) the true object of each detection.
        piece: (N,) the piece of each detection.
        cut_cost: (N,) log-odds of each detection's link to the one before; small where the object was in doubt.
        problem: the pieces and the candidate pairs.
        true_follower: (P,) the piece that truly follows.
    """

    times: Float64
    frame: Int64
    object: Int64
    piece: Int64
    cut_cost: Float64
    problem: LinkProblem
    true_follower: Int64


def random_recording(
    seed: int,
    objects: int = 8,
    frames: int = 300,
    piece_frames: int = 30,
    candidates: int = 10,
    noise: float = 2.5,
) -> LinkRecording:
    """`objects` at a time; pieces of `piece_frames` on average with gaps between them, and pairs over short gaps."""
    rng = np.random.default_rng(seed)
    first, last, owner = [], [], []
    for lane in range(objects):
        at, name = int(rng.integers(0, piece_frames)), lane
        while at < frames:
            until = min(at + int(rng.geometric(1 / piece_frames)) - 1, frames - 1)
            first.append(at)
            last.append(until)
            owner.append(name)
            at = until + 1 + int(rng.integers(0, 4))
            if rng.random() < 0.1:  # the object leaves, another one comes
                name, at = name + objects, at + int(rng.integers(0, piece_frames))
    order = np.lexsort((last, first))
    begin, end, who = (np.array(part)[order] for part in (first, last, owner))
    pieces = len(begin)
    follower = np.full(pieces, -1)
    for one in np.unique(who):
        mine = np.flatnonzero(who == one)
        follower[mine[:-1]] = mine[1:]
    after = np.searchsorted(begin, end, side="right")
    earlier = np.repeat(np.arange(pieces), candidates)
    later = np.repeat(after, candidates) + np.tile(np.arange(candidates), pieces)
    good = later < pieces
    earlier, later = earlier[good], later[good]
    true = later == follower[earlier]
    log_odds = rng.normal(np.where(true, 4.0, -3.0), noise)
    problem = LinkProblem(begin, end, earlier, later, log_odds)
    length = end - begin + 1
    piece = np.repeat(np.arange(pieces), length)
    frame = np.repeat(begin, length) + np.arange(len(piece)) - np.repeat(np.cumsum(length) - length, length)
    order = np.lexsort((piece, frame))
    piece = piece[order]
    times = np.cumsum(rng.uniform(0.02, 0.06, frames))
    cost = rng.gamma(2.0, 2.0, len(piece))
    return LinkRecording(times, frame[order], who[piece], piece, cost, problem, follower)
