"""Decides again which pieces of tracks are one object: cut where the tracker doubted, linked with both sides known.

Tracks are cut where the online tracker's margin was small. Each sure piece is described at both ends, a head scores
which piece continues which, one assignment decides about all of them at once, and the detections between the pieces
follow. A link is decided by what is known before and after it, where the online tracker knew only what came before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.link_head.inference import LinkHeadNumpy, own_link_head
from tracker.learned.liquid_motion import LiquidMotion
from tracker.offline.decision.problem import LinkProblem
from tracker.offline.decision.solution import LinkSolution, solve
from tracker.offline.linking.candidates import candidate_links
from tracker.offline.linking.crumbs import track_of_rows
from tracker.offline.linking.features import link_features
from tracker.offline.linking.pieces import CUT_MARGIN, MIN_DURATION_S, Pieces, joined, sure_pieces
from tracker.offline.online import OnlineTracks
from tracker.offline.recording import Recording
from tracker.types import Int64

SURE_PROBABILITY = 0.9  # of a link that the second round takes for granted


@dataclass(frozen=True, eq=False, slots=True)
class Linking:
    """The linked pieces of a recording.

    Attributes:
        pieces: P pieces.
        problem: the candidate links with their log-odds.
        solution: the links, with the probability of each candidate.
        track: (N,) the track of each detection, numbered from 0, -1 for none.
    """

    pieces: Pieces
    problem: LinkProblem
    solution: LinkSolution
    track: Int64


def link_pieces(
    r: Recording,
    longest: float,
    threshold: float = 0.0,
    head: LinkHeadNumpy | None = None,
    motion: LiquidMotion | None = None,
    margin: float = CUT_MARGIN,
    duration: float = MIN_DURATION_S,
) -> Linking:
    """The pieces of the online tracks, linked again, in two rounds: what is sure in the first is one piece then.

    Args:
        r: the recording.
        longest: seconds of the longest absence within a track.
        threshold: log-odds that a link needs.
        head: scores the links; the package's own by default.
        motion: the motion prior and the liquid head of the features; the package's own by default.
        margin, duration: of `sure_pieces`.
    """
    head, motion = head or own_link_head(), motion or LiquidMotion()
    pieces = sure_pieces(r.detections, r.online, margin, duration)
    pieces = join_sure(r, pieces, link_problem(r, pieces, longest, threshold, head, motion))
    problem = link_problem(r, pieces, longest, threshold, head, motion)
    solution = solve(problem)
    return Linking(pieces, problem, solution, track_of_rows(r, pieces, solution.follower))


def join_sure(r: Recording, pieces: Pieces, problem: LinkProblem) -> Pieces:
    """The pieces, with those that surely follow each other as one."""
    solution = solve(problem)
    follower = np.full(len(problem), -1)
    taken = solution.follower[problem.earlier] == problem.later
    taken &= solution.probability >= SURE_PROBABILITY
    follower[problem.earlier[taken]] = problem.later[taken]
    return joined(pieces, follower, track_of_rows(r, pieces, follower)) if taken.any() else pieces


def link_problem(
    r: Recording, pieces: Pieces, longest: float, threshold: float, head: LinkHeadNumpy, motion: LiquidMotion
) -> LinkProblem:
    """The candidate links of pieces, with the head's log-odds above the threshold."""
    earlier, later = candidate_links(r, pieces, longest)
    features, prior = link_features(r, pieces, earlier, later, motion)
    odds = head.logits(features, prior, earlier, later, len(pieces))
    frame = r.detections.frame
    return LinkProblem(frame[pieces.first], frame[pieces.last], earlier, later, odds - threshold)


def as_online(online: OnlineTracks, frame: Int64, track: Int64) -> OnlineTracks:
    """The decisions of another tracker (`track` (N,), -1 without one), with our margins where both decided alike.

    Where they differ, the margin is unknown: the link is in doubt.
    """
    rows = (track >= 0).nonzero()[0]
    rows = rows[np.lexsort((frame[rows], track[rows]))]
    before = np.full(len(track), -1)
    follows = track[rows[1:]] == track[rows[:-1]]
    before[rows[1:][follows]] = rows[:-1][follows]
    alike = (before == online.before) & (before >= 0)
    return replace(
        online,
        track=track,
        confirmed=track >= 0,
        before=before,
        log_odds=np.where(alike, online.log_odds, np.nan).astype(np.float32),
        margin=np.where(alike, online.margin, np.nan).astype(np.float32),
    )
