"""What is seen of pieces near one end: averages and fitted velocities over seconds, all pieces at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.offline.linking.pieces import Pieces
from tracker.offline.recording import Recording
from tracker.types import Float64, Int64

WINDOWS_S = (0.4, 1.5, 5.0)  # seconds at an end over which the box is averaged
FITS_S = (0.4, 1.2)  # seconds at an end over which the velocity is fitted
LEAST_SPREAD_S2 = 1e-3  # square seconds; a velocity from a shorter window is shrunk towards 0
LEAST_WEIGHT = 1e-3  # of a detection in an average


@dataclass(frozen=True, eq=False, slots=True)
class PieceEnds:
    """P pieces at one end.

    Attributes:
        box: (P, 4) stabilised coordinates of the outermost detection.
        mean: (P, W, 4) averages over `WINDOWS_S`, minus `box`; confident, uncrowded detections weigh most.
        velocity: (P, V, 2) of the centre, fitted over `FITS_S`, stabilised pixels a second, in true time.
        place: (P, V, 2) fitted centre at the end, minus that of `box`.
        score, crowding: (P,) means over the first window.
        time: (P,) seconds.
    """

    box: Float64
    mean: Float64
    velocity: Float64
    place: Float64
    score: Float64
    crowding: Float64
    time: Float64


def piece_ends(r: Recording, pieces: Pieces, starts: bool) -> PieceEnds:
    """The pieces at their ends, or with `starts` at their starts."""
    row, number = pieces.row, np.repeat(np.arange(len(pieces)), pieces.count)
    edge = pieces.first if starts else pieces.last
    box = r.coordinates[edge]
    tau = r.time[row] - r.time[edge][number]  # seconds from the outermost detection
    x = r.coordinates[row] - box[number]
    weight = r.score[row] * (1 - r.crowding[row]) + LEAST_WEIGHT
    q, t = weight[:, None], tau[:, None]
    columns = [q, q * x, q * t, q * t * t, q * t * x[:, :2], r.score[row, None], r.crowding[row, None], np.ones_like(q)]
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(np.concatenate(columns, axis=1), axis=0)])
    # the rows of a window, of all pieces at once: one sorted key for piece and time
    span = float(np.abs(tau).max(initial=0)) + max(WINDOWS_S) + 1
    key, p = 2 * span * number + tau, 2 * span * np.arange(len(pieces))

    def window(seconds: float) -> Float64:
        low: Int64 = pieces.start[:-1] if starts else np.searchsorted(key, p - seconds, side="left")
        high: Int64 = np.searchsorted(key, p + seconds, side="right") if starts else pieces.start[1:]
        total: Float64 = sums[high] - sums[low]
        return total

    mean = np.stack([s[:, 1:5] / s[:, :1] for s in map(window, WINDOWS_S)], axis=1)
    velocity, place = [], []
    for s in map(window, FITS_S):
        mean_t, mean_x = s[:, 5:6] / s[:, :1], s[:, 1:3] / s[:, :1]
        spread = s[:, 6:7] / s[:, :1] - mean_t**2
        slope = (s[:, 7:9] / s[:, :1] - mean_t * mean_x) / (spread + LEAST_SPREAD_S2)
        velocity.append(slope)
        place.append(mean_x - mean_t * slope)
    near = window(WINDOWS_S[0])
    return PieceEnds(
        box,
        mean,
        np.stack(velocity, axis=1),
        np.stack(place, axis=1),
        near[:, 9] / near[:, 11],
        near[:, 10] / near[:, 11],
        r.time[edge],
    )
