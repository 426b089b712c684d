"""The noise of a detected box, as far as the detection itself tells.

A detector's score says how well its box fits: on MOT17 boxes of a score of 0.3 are five times as far from the truth as
those of 0.93. Given the score, occlusion and crowding add nothing (fitted slopes of 0.02 and 0). And the error of one
frame is still there in the next: it decays over `ERROR_TAU_S`. Detections that come fast therefore say less than
independent ones would: over an interval dt, in which the error keeps rho = exp(-dt / tau), their variance counts as
(1 + rho) / (1 - rho) times as large, which is what the mean of many such detections has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tracker.offline.smoothing.sightings import Sightings
from tracker.types import Float64, Int64

USUAL_ERROR = 0.15  # 1 - score of a detection whose factor is 1
LEAST_ERROR, LARGEST_ERROR = 0.005, 0.4  # beyond these limits of 1 - score, the noise does not change
SCORE_POWER = 1.09
LASTING_SHARE = 0.67  # share of the variance that decays slowly
ERROR_TAU_S = 0.25  # seconds


def sight(track: Int64, frame: Int64, times: Float64, xyxy: ArrayLike, score: ArrayLike) -> Sightings:
    """The sightings of tracks, with their noise.

    Args:
        track: (N,) id of each detection's track, not decreasing.
        frame: (N,) index of the frame, increasing within a track.
        times: (F,) seconds of all frames.
        xyxy: (N, 4) boxes, pixels.
        score: (N,) 0..1.
    """
    boxes, sure = np.asarray(xyxy, np.float64), np.asarray(score, np.float64)
    time = times[frame]
    noise = noise_factor(track, time, sure)[:, None]
    return Sightings(track, time, frame, boxes, np.broadcast_to(noise, boxes.shape))


def noise_factor(track: Int64, time: Float64, score: Float64) -> Float64:
    """(N,) the factor on the standard deviation of the noise of N detections, sorted by track, then time."""
    unsure = np.clip(1 - score, LEAST_ERROR, LARGEST_ERROR) / USUAL_ERROR
    lasting = 1 / np.tanh(interval(track, time) / (2 * ERROR_TAU_S))
    spread: Float64 = np.sqrt(1 - LASTING_SHARE + LASTING_SHARE * lasting)
    return spread * unsure**SCORE_POWER


def interval(track: Int64, time: Float64) -> Float64:
    """(N,) seconds to the neighbouring detections of the same track, the harmonic mean of both sides."""
    rate = np.zeros(len(track))
    sides = np.zeros(len(track))
    same = track[1:] == track[:-1]
    between = 1 / np.diff(time)[same]
    for part in (slice(1, None), slice(None, -1)):
        rate[part][same] += between
        sides[part][same] += 1
    return np.where(sides > 0, sides, 1.0) / np.where(sides > 0, rate, 1.0)
