"""Offline helpers for the tracks of baselines: filled gaps, Gaussian-process smoothing, joined tracks.

Only the benchmarks use them, so that tracking with the whole video is compared with what others do afterwards:

- straight lines across short gaps, as the scripts of ByteTrack and StrongSORT fill them;
- GSI of StrongSORT++ (Du et al., "StrongSORT: Make DeepSORT Great Again", 2023): lines, then Gaussian-process
  regression of each coordinate;
- joining of tracks by time, place and velocity, in the manner of AFLink (the same paper) and GTA, without appearance.

All of them get the true times, also behind baselines that track without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tracker.association.assignment import assign
from tracker.types import Float64, Int64

FILL_S = 1.0  # longest gap that is filled, seconds; 20 frames in the scripts, at 20 to 30 frames per second
TAU = 10.0  # frames at the nominal rate, of the script of StrongSORT++
NOISE = 1e-10  # variance of the observations, squared pixels: the value of the script, scikit-learn's default
# Chosen on the roll-outs of the baselines on MOT17-first and DanceTrack-train (docs/lab/2026-11-offline-peers.md)
JOIN_S = 1.0  # longest gap across which tracks are joined, seconds; AFLink's 30 frames
JOIN_WINDOW_S = 0.2  # time at the ends of tracks from which the velocity is estimated, seconds
JOIN_DISTANCE = 0.5  # highest cost of a join: distance in heights of the box, plus the log ratio of the heights


@dataclass(frozen=True, eq=False, slots=True)
class PeerTracks:
    """Tracks of one sequence, M rows.

    Attributes:
        frame: (M,) index into the times of the sequence.
        id: (M,) once in a frame.
        xyxy: (M, 4) pixels.
    """

    frame: Int64
    id: Int64
    xyxy: Float64

    def __len__(self) -> int:
        return len(self.frame)

    def by_track(self) -> PeerTracks:
        """The same rows, by track and then by frame."""
        order = np.lexsort((self.frame, self.id))
        return PeerTracks(self.frame[order], self.id[order], self.xyxy[order])


def fill_lines(tracks: PeerTracks, times: Float64, longest: float = FILL_S) -> PeerTracks:
    """Boxes on straight lines over time in all gaps of a track of at most `longest` seconds.

    Args:
        tracks: any order.
        times: (F,) seconds of the frames.
        longest: between the boxes at both ends of the gap, seconds.

    Returns:
        By track and frame.
    """
    rows = tracks.by_track()
    step = np.diff(rows.frame)
    gap = (np.diff(rows.id) == 0) & (step > 1) & (np.diff(times[rows.frame]) <= longest)
    first = gap.nonzero()[0]
    missing = step[first] - 1
    left = np.repeat(first, missing)
    offset = np.arange(missing.sum()) - np.repeat(np.cumsum(missing) - missing, missing)
    frame = rows.frame[left] + 1 + offset
    start, end = times[rows.frame[left]], times[rows.frame[left + 1]]
    share = ((times[frame] - start) / (end - start))[:, None]
    boxes = (1 - share) * rows.xyxy[left] + share * rows.xyxy[left + 1]
    return PeerTracks(
        np.concatenate([rows.frame, frame]),
        np.concatenate([rows.id, rows.id[left]]),
        np.concatenate([rows.xyxy, boxes]),
    ).by_track()


def smooth_gaussian(tracks: PeerTracks, times: Float64, rate: float, tau: float = TAU) -> PeerTracks:
    """Gaussian-process regression of each track's left, top, width and height over time.

    The kernel is exp(-(t - s)^2 / 2 length^2) with t in frames at the nominal `rate`, and for a track of l frames
    length = tau * log(tau^3 / l), within [1 / tau, tau^2] as in the script. Where frames are left out, l counts the
    frames that a track's boxes stand for, which serves the baselines better than the number of boxes.

    Returns:
        By track and frame.
    """
    rows = tracks.by_track()
    out = rows.xyxy.copy()
    starts = np.concatenate([[0], (np.diff(rows.id) != 0).nonzero()[0] + 1, [len(rows)]]) if len(rows) else [0]
    # nominal frames per frame of the sequence: 1 without subsampling
    stride = max(1.0, float(times[-1] - times[0]) * rate / (len(times) - 1)) if len(times) > 1 else 1.0
    for a, b in pairwise(starts):
        time = times[rows.frame[a:b]] * rate
        length = float(np.clip(tau * np.log(tau**3 / (stride * (b - a))), 1 / tau, tau**2))
        kernel = np.exp(-0.5 * ((time[:, None] - time[None, :]) / length) ** 2)
        kernel[np.diag_indices(b - a)] += NOISE
        ltwh = np.column_stack([rows.xyxy[a:b, :2], rows.xyxy[a:b, 2:] - rows.xyxy[a:b, :2]])
        # K (K + s^2 I)^-1 y = y - s^2 (K + s^2 I)^-1 y, which keeps more digits
        fit = ltwh - NOISE * np.linalg.solve(kernel, ltwh)
        fit[:, 2:] = np.maximum(fit[:, 2:], 1.0)
        out[a:b] = np.column_stack([fit[:, :2], fit[:, :2] + fit[:, 2:]])
    return PeerTracks(rows.frame, rows.id, out)


def join(
    tracks: PeerTracks,
    times: Float64,
    longest: float = JOIN_S,
    window: float = JOIN_WINDOW_S,
    distance: float = JOIN_DISTANCE,
) -> PeerTracks:
    """Gives a track that starts the id of one that ended before it, where time, place and velocity agree.

    The end of A is extrapolated to the start of B, and the start of B back to the end of A; each by the least-squares
    velocity of the centre over `window` seconds. The mean of both distances, in mean heights, plus the absolute log
    ratio of the heights is the cost. One assignment finds the joins with the largest sum of `distance` minus cost.

    Args:
        tracks: any order.
        times: (F,) seconds of the frames.
        longest: longest gap, seconds.
        window: seconds at each end that give the velocity.
        distance: highest cost of a join.

    Returns:
        By track and frame; ids of joined tracks are those of the first part.
    """
    rows = tracks.by_track()
    if not len(rows):
        return rows
    first = np.concatenate([[0], (np.diff(rows.id) != 0).nonzero()[0] + 1])
    last = np.append(first[1:], len(rows)) - 1
    time = times[rows.frame]
    centre = (rows.xyxy[:, :2] + rows.xyxy[:, 2:]) / 2
    height = rows.xyxy[:, 3] - rows.xyxy[:, 1]
    speed_at_start, speed_at_end = (_end_velocity(rows, time, centre, first, ends, window) for ends in (first, last))
    gap = time[first][None, :] - time[last][:, None]
    a, b = ((gap > 0) & (gap <= longest)).nonzero()
    dt = gap[a, b][:, None]
    ahead = centre[last[a]] + speed_at_end[a] * dt - centre[first[b]]
    back = centre[first[b]] - speed_at_start[b] * dt - centre[last[a]]
    tall = (height[last[a]] + height[first[b]]) / 2
    away = (np.linalg.norm(ahead, axis=1) + np.linalg.norm(back, axis=1)) / 2 / tall
    cost = away + abs(np.log(height[last[a]] / height[first[b]]))
    a, b = assign(a, b, distance - cost)
    name = np.arange(len(first))
    for one, two in sorted(zip(a.tolist(), b.tolist(), strict=True), key=lambda pair: time[first[pair[1]]]):
        name[two] = name[one]
    return PeerTracks(rows.frame, np.repeat(rows.id[first][name], last - first + 1), rows.xyxy).by_track()


def _end_velocity(
    rows: PeerTracks, time: Float64, centre: Float64, first: Int64, ends: Int64, window: float
) -> Float64:
    """(T, 2) least-squares velocity of each track's centre over the boxes within `window` seconds of row `ends`."""
    track = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(rows))))
    near = (abs(time - time[ends][track]) <= window).nonzero()[0]
    group = track[near]
    count = np.bincount(group, minlength=len(first))

    def mean(values: Float64) -> Float64:
        return np.bincount(group, values, len(first)) / count

    t = time[near] - mean(time[near])[group]
    spread = np.maximum(np.bincount(group, t * t, len(first)), 1e-9)
    return np.column_stack([np.bincount(group, t * centre[near, k], len(first)) / spread for k in (0, 1)])


Helper = Callable[[PeerTracks, Float64, float], PeerTracks]


def _lines(tracks: PeerTracks, times: Float64, rate: float) -> PeerTracks:
    return fill_lines(tracks, times)


def _gsi(tracks: PeerTracks, times: Float64, rate: float) -> PeerTracks:
    return smooth_gaussian(fill_lines(tracks, times), times, rate)


def _join(tracks: PeerTracks, times: Float64, rate: float) -> PeerTracks:
    return join(tracks, times)


def _join_lines(tracks: PeerTracks, times: Float64, rate: float) -> PeerTracks:
    return fill_lines(join(tracks, times), times)


def _join_gsi(tracks: PeerTracks, times: Float64, rate: float) -> PeerTracks:
    return _gsi(join(tracks, times), times, rate)


# Every combination, by name; each takes tracks, times and the nominal rate in frames per second.
HELPERS: dict[str, Helper] = {
    "lines": _lines,
    "GSI": _gsi,
    "joined": _join,
    "joined, lines": _join_lines,
    "joined, GSI": _join_gsi,
}
