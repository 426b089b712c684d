"""How well tracks of some frames agree with the sure pieces of tracks of all frames, block by block of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.simulation.training_clips import between
from datasets.subsampling.sequences import UNEVEN, thin_indices
from models.association_head.inference import HeadNumpy
from tools.train.adapt.pseudo_labels import PseudoLabels
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.association import Learned
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion_registry import logit
from tracker.types import Float64, Int64

MIN_ROWS = 10  # labelled detections of a block that counts
SEED = 20_000  # of the frames that are left out, so that none of them are those of `bench mot`


@dataclass(frozen=True, eq=False, slots=True)
class BlockScores:
    """Agreement of B blocks, each the mean over the ways to leave frames out.

    Attributes:
        block: (B,) numbers of the blocks.
        score: (B,) association accuracy, 0..100.
    """

    block: Int64
    score: Float64


def judge(labels: PseudoLabels, head: HeadNumpy) -> BlockScores:
    """The agreement of `head` with one recording."""
    video, sequence = labels.recording.video, labels.sequence()
    rate = 1 / float(np.median(np.diff(video.times)))
    found: dict[int, list[float]] = {}
    for profile in UNEVEN:
        kept = thin_indices(len(video.times), rate, profile, labels.recording.name, SEED)
        warps = between(sequence, kept)
        track = _tracked(labels, head, kept, warps)
        used = np.isin(video.frame, kept) & (labels.piece >= 0)
        block = labels.block[video.frame]
        for one in np.unique(block[used]).tolist():
            rows = used & (block == one)
            if rows.sum() >= MIN_ROWS:
                found.setdefault(one, []).append(
                    100 * association_accuracy(labels.piece[rows], track[rows], labels.spans)
                )
    whole = {one: float(np.mean(scores)) for one, scores in found.items() if len(scores) == len(UNEVEN)}
    return BlockScores(np.array(list(whole), np.int64), np.array(list(whole.values()), np.float64))


def _tracked(labels: PseudoLabels, head: HeadNumpy, kept: Int64, warps: list[Float64 | None]) -> Int64:
    """(N,) the track of each detection of the kept frames, -1 without one."""
    video, config = labels.recording.video, TrackerConfig()
    associator = Learned(head, logit(config.match_probability), logit(config.new_track_match_probability))
    tracker = Tracker(config, LiquidMotion(head), associator=associator, size=video.size)
    first = np.searchsorted(video.frame, kept)
    track = np.full(len(video), -1)
    for k, row, warp in zip(kept.tolist(), first.tolist(), warps, strict=True):
        tracks = tracker.update(video.at(k), float(video.times[k]), warp)
        hit = tracks.detection >= 0
        track[row + tracks.detection[hit]] = tracks.id[hit]
    return track


def association_accuracy(piece: Int64, track: Int64, spans: Int64) -> float:
    """Association accuracy of M labelled detections, 0..1: AssA of Luiten et al. (IJCV 2021) with known boxes.

    Parts of tracks that are not there at the same time may be one object: that one track has both is no error.

    Args:
        piece: (M,) the piece of each detection.
        track: (M,) its track, -1 without one.
        spans: (P, 2) first and last frame of each piece.
    """
    pieces, p = np.unique(piece, return_inverse=True)
    tracks, t = np.unique(track, return_inverse=True)
    count = np.zeros((len(pieces), len(tracks)))
    np.add.at(count, (p, t), 1)
    of_piece = count.sum(axis=1)
    count[:, tracks < 0] = 0
    begin, end = spans[pieces].T
    concurrent = (begin[:, None] <= end) & (begin <= end[:, None])  # also each piece and itself
    union = of_piece[:, None] + concurrent @ count - count
    return float((count * count / np.maximum(union, 1)).sum() / max(len(piece), 1))
