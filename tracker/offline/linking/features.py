"""The features of a link: whether a later piece continues an earlier one, by what both sides of it show."""

from __future__ import annotations

import numpy as np

from tracker.boxes import overlap, to_xyxy
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion.kalman_mixture import STUDENT_T_DOF
from tracker.offline.linking.ends import FITS_S, WINDOWS_S, PieceEnds, piece_ends
from tracker.offline.linking.pieces import Pieces
from tracker.offline.linking.states import end_states, foreseen
from tracker.offline.linking.surroundings import online_features, surrounding_features
from tracker.offline.recording import Recording
from tracker.types import Float32, Float64, Int64

FEATURES = 122  # numbers a link
SLOWING_S = 0.7  # time constant with which a fitted velocity decays into an absence, seconds
BUFFER = 0.3  # of the buffered IoU
CLUTTER = -3.0  # log density of another object, per link


def link_features(
    r: Recording, pieces: Pieces, earlier: Int64, later: Int64, motion: LiquidMotion
) -> tuple[Float32, Float64]:
    """(K, FEATURES) features of links, and (K,) log-odds of the motion prior, the mean of both directions.

    Args:
        r: the recording.
        pieces: P pieces.
        earlier, later: (K,) the pieces of each link.
        motion: the prior and the liquid head, which are run over every piece in both directions.
    """
    ends, starts = piece_ends(r, pieces, starts=False), piece_ends(r, pieces, starts=True)
    here, there = ends.box[earlier], starts.box[later]
    dt = starts.time[later] - ends.time[earlier]
    log_height = 0.5 * ((here + ends.mean[earlier, 0])[:, 3] + (there + starts.mean[later, 0])[:, 3])
    height = np.exp(log_height)[:, None]
    parts: list[Float64] = [np.log1p(dt / 0.1)[:, None] / 2]
    gap = (there - here)[:, :2] / height
    parts += [_soft(gap), _soft(np.hypot(gap[:, :1], gap[:, 1:]))]
    prior = np.full(len(dt), -CLUTTER)
    for backwards in (False, True):
        piece, target = (later, here) if backwards else (earlier, there)
        when = -ends.time[earlier] if backwards else starts.time[later]
        told, density = _foreseen(r, pieces, motion, piece, when, target, height, backwards)
        parts += told
        prior += 0.5 * density
    parts += _velocities(ends, starts, earlier, later, dt, height)
    for k in range(len(WINDOWS_S)):
        away = (there + starts.mean[later, k]) - (here + ends.mean[earlier, k])
        parts += [_soft(away[:, :2] / height), _size(away[:, 2:])]
    parts += [_size((there - here)[:, 2:]), overlap(to_xyxy(here), to_xyxy(there), BUFFER).iou[:, None]]
    for piece, side, row in ((earlier, ends, pieces.last), (later, starts, pieces.first)):
        parts.append(_piece(r, pieces, side, row)[piece])
    parts.append(online_features(r, pieces.last[earlier], pieces.first[later]))
    parts.append(surrounding_features(r, pieces, earlier, later))
    return np.concatenate(parts, axis=1).astype(np.float32), prior


def _foreseen(
    r: Recording,
    pieces: Pieces,
    motion: LiquidMotion,
    piece: Int64,
    when: Float64,
    target: Float64,
    height: Float64,
    backwards: bool,
) -> tuple[list[Float64], Float64]:
    """What one side of each link foresees of the other: features, and (K,) the log density of the other's box."""
    states = end_states(motion, pieces, r, backwards)
    mean, std, code = foreseen(motion, states, piece, when)
    z = (target - mean) / std
    unit = np.concatenate([height, height, np.ones_like(height), np.ones_like(height)], axis=1)
    density = (-0.5 * (STUDENT_T_DOF + 1) * np.log1p(z * z / STUDENT_T_DOF) - np.log(std / unit)).sum(axis=1)
    boxes = overlap(to_xyxy(mean), to_xyxy(target), BUFFER)
    told = [
        np.arcsinh(z),
        np.clip(density[:, None] / 10, -2, 2),
        np.stack([boxes.iou, boxes.buffered, boxes.height], axis=1),
        np.log(std[:, :1] / height),
        code.astype(np.float64),
    ]
    return told, density


def _velocities(
    ends: PieceEnds, starts: PieceEnds, earlier: Int64, later: Int64, dt: Float64, height: Float64
) -> list[Float64]:
    """How the velocities on both sides agree, and where both extrapolate to in the middle of the absence."""
    parts = []
    decayed = (SLOWING_S * -np.expm1(-0.5 * dt / SLOWING_S))[:, None]
    mean = (starts.box[later] - ends.box[earlier])[:, :2] / (dt[:, None] + 0.1)
    for k in range(len(FITS_S)):
        before, after = ends.velocity[earlier, k], starts.velocity[later, k]
        left = ends.box[earlier, :2] + ends.place[earlier, k] + before * decayed
        right = starts.box[later, :2] + starts.place[later, k] - after * decayed
        parts.append(_soft((right - left) / height))
        parts += [_soft(gap / height / 2) for gap in (after - before, mean - before, after - mean)]
    return parts


def _piece(r: Recording, pieces: Pieces, side: PieceEnds, row: Int64) -> Float64:
    """(P, 7) what a piece is like at one end, whose outermost detections are `row` (P,)."""
    duration = r.time[pieces.last] - r.time[pieces.first]
    return np.stack(
        [
            np.log1p(duration / 0.3) / 2,
            np.log1p(pieces.count) / 3,
            side.score,
            side.crowding,
            r.score[row],
            r.crowding[row],
            r.border[row],
        ],
        axis=1,
    )


def _soft(lengths: Float64) -> Float64:
    """Lengths in heights, compressed logarithmically where large."""
    soft: Float64 = np.arcsinh(4 * lengths) / 2
    return soft


def _size(logs: Float64) -> Float64:
    """Differences of log sizes, bounded."""
    size: Float64 = np.clip(2 * logs, -3, 3)
    return size
