"""The decisions behind finished tracks: every link, start and end, with the probability that it is right."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from models.link_head.inference import LinkHeadNumpy
from tracker.offline.doubt.features import Links, doubt_features, links_of
from tracker.offline.linking.rounds import Linking
from tracker.offline.recording import Recording
from tracker.offline.types import Decisions, Kind
from tracker.types import Float64, Int64

LOOSE = 0.5  # probability of a start or an end without a piece, where nothing was scored
BLOCK = 250_000  # detections whose links are judged at once
MOST_LOGIT = 12.0  # largest log-odds of a link


def link_probabilities(
    r: Recording, linking: Linking, track: Int64, head: LinkHeadNumpy, block: int = BLOCK
) -> tuple[Links, Float64]:
    """The links of the tracks (N,), -1 without one, and (L,) the probability that each is right.

    The tracks are judged in blocks of about `block` detections, which bounds the memory and changes nothing.
    """
    links = links_of(r.detections.frame, track)
    opens = np.ones(len(links.row), bool)
    opens[links.at] = False
    begins = opens.nonzero()[0]
    if not len(begins):
        return links, np.zeros(0)
    first = begins[np.flatnonzero(np.diff(begins // block, prepend=-1))]
    parts = []
    for low, high in pairwise([*first.tolist(), len(links.row)]):
        at = links.at[np.searchsorted(links.at, low) : np.searchsorted(links.at, high)] - low
        parts.append(head.right(doubt_features(r, linking, Links(links.row[low:high], at))))
    return links, np.concatenate(parts)


def cut_costs(detections: int, links: Links, probability: Float64) -> Float64:
    """(N,) log-odds of the link that leads to each detection; nan without one."""
    cost = np.full(detections, np.nan)
    p = np.clip(probability, np.exp(-MOST_LOGIT), 1 - np.exp(-MOST_LOGIT))
    cost[links.later] = np.log(p / (1 - p))
    return cost


def decisions_of(r: Recording, linking: Linking, links: Links, probability: Float64) -> Decisions:
    """All decisions, in order of time."""
    row = links.row
    opens = np.ones(len(row), bool)
    opens[links.at] = False
    begins = row[opens]
    ends = row[np.append(opens[1:], True)] if len(row) else row
    start, start_rival = _free(linking, begins, starts=True)
    end, end_rival = _free(linking, ends, starts=False)
    none_begin, none_end = np.full(len(begins), -1), np.full(len(ends), -1)
    kind = np.repeat([Kind.LINK, Kind.START, Kind.END], [len(links.at), len(begins), len(ends)])
    earlier = np.concatenate([links.earlier, none_begin, ends])
    later = np.concatenate([links.later, begins, none_end])
    whole = np.concatenate([probability, start, end])
    rival = np.concatenate([_rival(r, links), start_rival, end_rival])
    order = np.lexsort((kind, np.where(later >= 0, later, earlier)))
    return Decisions(
        kind[order].astype(np.int64), earlier[order], later[order], whole[order], rival[order].astype(np.int64)
    )


def _free(linking: Linking, rows: Int64, starts: bool) -> tuple[Float64, Int64]:
    """(Q,) the probability that tracks start (end) at these rows, and (Q,) the row of the likeliest other choice."""
    pieces, problem, solution = linking.pieces, linking.problem, linking.solution
    piece = pieces.piece[rows]
    own, other = (problem.later, problem.earlier) if starts else (problem.earlier, problem.later)
    best = np.full(len(pieces) + 1, -1)
    order = np.argsort(solution.probability, kind="stable")
    best[own[order]] = (pieces.last if starts else pieces.first)[other[order]]
    free = np.append(solution.start if starts else solution.end, LOOSE)
    return free[piece], np.where(piece >= 0, best[piece], -1)


def _rival(r: Recording, links: Links) -> Int64:
    """(L,) the detection that the online tracker found likeliest after `earlier`, besides `later`; -1 for none."""
    o = r.online
    best = np.full(len(o.track), -1)
    if len(o.pair_earlier):
        follower = np.full(len(o.track), -1)
        follower[links.earlier] = links.later
        other = (follower[o.pair_earlier] != o.pair_later) & (o.pair_log_odds > 0)
        order = np.argsort(o.pair_log_odds[other], kind="stable")
        best[o.pair_earlier[other][order]] = o.pair_later[other][order]
    return best[links.earlier]
