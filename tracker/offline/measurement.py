"""The noise of a detected box, as far as the detection itself tells.

A detector's score says how well its box fits: on MOT17 boxes of a score of 0.3 are five times as far from the truth as
those of 0.93. Boxes that another object covers fit badly too. And the error of one frame is still there in the next:
it decays over `ERROR_TAU_S`. Detections that come fast therefore say less than independent ones would: over an
interval dt, in which the error keeps rho = exp(-dt / tau), their variance counts as (1 + rho) / (1 - rho) times as
large, which is what the mean of many such detections has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tracker.boxes import to_coordinates
from tracker.offline.neighbours import neighbours
from tracker.offline.sightings import Sightings
from tracker.types import Float64, Int64

USUAL_ERROR = 0.15  # 1 - score of a detection whose factor is 1
LEAST_ERROR, LARGEST_ERROR = 0.02, 0.38  # beyond these limits of 1 - score, the noise does not change
SCORE_POWER = 0.55
OCCLUSION_SLOPE = 0.45  # logarithm of the factor at full occlusion
LASTING_SHARE = 0.8  # share of the variance that decays slowly
ERROR_TAU_S = 0.5  # seconds


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
    noise = np.repeat(noise_factor(track, time, frame, boxes, sure)[:, None], 4, axis=1)
    return Sightings(track, time, frame, to_coordinates(boxes), noise)


def noise_factor(track: Int64, time: Float64, frame: Int64, xyxy: Float64, score: Float64) -> Float64:
    """(N,) the factor on the standard deviation of the noise of N detections, sorted by track, then time."""
    order = np.argsort(frame, kind="stable")
    beside = neighbours(frame, xyxy, frame[order], xyxy[order])
    unsure = np.clip(1 - score, LEAST_ERROR, LARGEST_ERROR) / USUAL_ERROR
    lasting = 1 / np.tanh(interval(track, time) / (2 * ERROR_TAU_S))
    spread: Float64 = np.sqrt(1 - LASTING_SHARE + LASTING_SHARE * lasting)
    return spread * unsure**SCORE_POWER * np.exp(OCCLUSION_SLOPE * beside.occlusion)


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
