"""Pseudo-labels: the pieces of tracks within which the identity is not in doubt, at all frames of a recording.

A detection in no such piece is unlabelled: it may be any object. Two pieces that are not there at the same time may be
one object.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from datasets.ground_truth.tracking import UNLABELLED, BoxTable, PartlyLabelled, last_seen, visible
from models.association_head.inference import HeadNumpy
from models.errors import DataError
from models.link_head.inference import own_link_head
from tools.train.adapt.recordings import CameraRecording
from tracker.config import TrackerConfig
from tracker.learned.liquid_motion import LiquidMotion
from tracker.offline.decision.solution import solve
from tracker.offline.linking.pieces import chains, sure_pieces
from tracker.offline.linking.rounds import link_problem
from tracker.offline.online import track_online
from tracker.offline.recording import Recording
from tracker.types import Float64, Int64

LONGEST_S = 10.0  # longest absence within a piece, seconds
SURE_LINK = 0.98  # lowest probability of a link between two pieces that are taken as one
MIN_SURE_S = 30.0  # seconds, summed over the objects, that must be beyond doubt
BLOCK_S = (1.5, 20.0)  # shortest and longest block of time, seconds
BLOCKS = (8, 24)  # fewest blocks, and how many are aimed at
FOLDS = 2


@dataclass(frozen=True, eq=False, slots=True)
class PseudoLabels:
    """A recording of N detections in F frames, with its P sure pieces of tracks.

    Attributes:
        recording: the recording.
        piece: (N,) the piece of each detection, -1 without one.
        spans: (P, 2) first and last frame of each piece.
        block: (F,) the block of time of each frame, counted over all recordings of the camera.
    """

    recording: CameraRecording
    piece: Int64
    spans: Int64
    block: Int64

    @property
    def fold(self) -> Int64:
        """(F,) the half of the blocks, 0 or 1: trained on one, judged on the other."""
        fold: Int64 = self.block % FOLDS
        return fold

    def sequence(self) -> PartlyLabelled:
        """The recording as a sequence to train on."""
        video = self.recording.video
        times = video.times - video.times[0]
        start = np.searchsorted(video.frame, np.arange(len(times) + 1))
        boxes, sure = video.xyxy.astype(np.float64), self.piece >= 0
        of_truth = np.searchsorted(video.frame[sure], np.arange(len(times) + 1))
        shown = np.concatenate([visible(boxes[sure][a:b]) for a, b in pairwise(of_truth.tolist())])
        truth = BoxTable(of_truth, self.piece[sure], boxes[sure], shown)
        found = BoxTable(start, np.where(sure, self.piece, UNLABELLED), boxes, video.score.astype(np.float64))
        warps = {} if video.warps is None else {k: video.warps[k].astype(np.float64) for k in range(1, len(times))}
        ids = tuple(range(len(self.spans)))
        return PartlyLabelled(
            "camera", self.recording.name, times, truth, found, warps, last_seen(truth, times), ids, self.spans
        )


def label(recording: CameraRecording, head: HeadNumpy, path: str, margin: float) -> PseudoLabels:
    """The sure pieces of the tracks of one recording, in one block of time.

    Args:
        recording: the recording.
        head: the head in the file `path`; an empty path is the head of the package.
        path: the file.
        margin: log-odds of a match over its best rival.
    """
    video = recording.video
    online = track_online(video, TrackerConfig(association_head=path))
    described = Recording.of(video, online)
    pieces = sure_pieces(video, online, margin)
    piece = pieces.piece
    if len(pieces) > 1:
        problem = link_problem(described, pieces, LONGEST_S, 0.0, own_link_head(), LiquidMotion(head))
        solution = solve(problem)
        follower = np.full(len(pieces), -1)
        sure = (solution.follower[problem.earlier] == problem.later) & (solution.probability >= SURE_LINK)
        follower[problem.earlier[sure]] = problem.later[sure]
        piece = np.where(piece >= 0, chains(follower)[piece], -1)
    return PseudoLabels(recording, piece, _spans(piece, video.frame), np.zeros(len(video.times), np.int64))


def _spans(piece: Int64, frame: Int64) -> Int64:
    """(P, 2) first and last frame of each piece; frames (N,) do not decrease."""
    count = int(piece.max(initial=-1)) + 1
    spans = np.stack([np.full(count, np.iinfo(np.int64).max), np.full(count, -1)], 1)
    rows = (piece >= 0).nonzero()[0]
    np.minimum.at(spans[:, 0], piece[rows], frame[rows])
    np.maximum.at(spans[:, 1], piece[rows], frame[rows])
    return spans


def in_blocks(labels: list[PseudoLabels]) -> list[PseudoLabels]:
    """The recordings with their time in blocks.

    Raises:
        DataError: they are too short to hold some back.
    """
    total = sum(one.recording.seconds for one in labels)
    length = float(np.clip(total / BLOCKS[1], *BLOCK_S))
    found, first = [], 0
    for one in labels:
        count = max(1, round(one.recording.seconds / length))
        found.append(_with_blocks(one, count, first))
        first += count
    if first < BLOCKS[0] or total < BLOCKS[0] * BLOCK_S[0]:
        raise DataError(
            f"the recordings last {total:.1f} s, too short to learn from some and judge by the rest; give "
            f"{BLOCKS[0] * BLOCK_S[0]:g} s or more."
        )
    return found


def _with_blocks(labels: PseudoLabels, count: int, first: int) -> PseudoLabels:
    times = labels.recording.video.times
    share: Float64 = (times - times[0]) / max(float(times[-1] - times[0]), 1e-9)
    block = first + np.minimum((share * count).astype(np.int64), count - 1)
    return PseudoLabels(labels.recording, labels.piece, labels.spans, block)


def check_labels(labels: list[PseudoLabels], place: str) -> None:
    """Checks that there is something to learn.

    Raises:
        DataError: too little is beyond doubt, or there are never two objects at once.
    """
    most = max((_most_at_once(one) for one in labels), default=0)
    if most < 2:
        raise DataError(f"{place}: never shows two objects at once, so none can be mistaken; nothing is to be learned.")
    sure = sum(_sure_seconds(one) for one in labels)
    if sure < MIN_SURE_S:
        raise DataError(
            f"{place}: tracks are beyond doubt for {sure:.0f} s, summed over the objects, where {MIN_SURE_S:g} s are "
            "needed; give longer recordings, or more of them."
        )


def _sure_seconds(labels: PseudoLabels) -> float:
    return float((labels.piece >= 0).sum()) * float(np.median(np.diff(labels.recording.video.times)))


def _most_at_once(labels: PseudoLabels) -> int:
    sure = labels.piece >= 0
    return int(np.bincount(labels.recording.video.frame[sure], minlength=1).max(initial=0))
