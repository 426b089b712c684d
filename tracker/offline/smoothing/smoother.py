"""Smoothing of whole tracks in true time: where each object was at any moment, given all of its detections.

The four edges of a box move and are detected independently: a detector that misjudges a hidden side has the other
right. The model of each edge is that of `tracker.motion.kalman`, a position x with an Ornstein-Uhlenbeck velocity v, in
heights of the object's own box a second. Between two sightings the height h is constant:

    dx = h v dt + h d dW2,    dv = -v / tau dt + sigma sqrt(2 / tau) dW1,    z = x + h r e

The velocity is stationary and reversible, so that a track smoothed backwards in time gives the same result. A forward
Kalman filter is followed by the smoother of Rauch, Tung & Striebel ("Maximum likelihood estimates of linear dynamic
systems", AIAA Journal 3, 1965). Between two sightings the filtered state is predicted up to the time asked for, and
smoothed back from the later sighting: exact, because the model is Markov. A bank of modes is mixed by the likelihood
of the whole track, or of some 500 sightings of a longer one (static multiple-model estimation: Magill, IEEE Trans.
Automatic Control 10, 1965), for horizontal and for vertical edges separately.

All tracks are smoothed at once, in steps over the k-th sighting of each (`tracker.offline.smoothing.chunks`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tracker.offline.camera_path import CameraPath
from tracker.offline.smoothing.chunks import TrackBatch, batches
from tracker.offline.smoothing.sightings import Queries, Sightings
from tracker.types import Float64, Int64

SMALLEST = 0.02  # width of a box that two edges could cross in, in heights, and in pixels
GROUPS = (0, 1, 0, 1)  # the edges that share the mode: left and right, top and bottom


class Mode(NamedTuple):
    """One kind of motion of an edge. Lengths are heights of the object's box.

    Attributes:
        velocity_tau: time constant of the velocity, seconds.
        velocity_std: its standard deviation, a second.
        diffusion: of the position besides its velocity, per square root of a second.
        noise: standard deviation of a detected edge, where `Sightings.noise` is 1.
    """

    velocity_tau: float
    velocity_std: float
    diffusion: float
    noise: float


@dataclass(frozen=True, slots=True)
class Bank:
    """K modes of the edges left and right, and of top and bottom, all equally likely before a track is seen."""

    horizontal: tuple[Mode, ...]
    vertical: tuple[Mode, ...]

    @property
    def constants(self) -> Float64:
        """(4 constants, K * 4): for each mode the edges left, top, right, bottom."""
        modes = zip(self.horizontal, self.vertical, strict=True)
        return np.array([each for x, y in modes for each in (x, y, x, y)], np.float64).T


@dataclass(frozen=True, eq=False, slots=True)
class Smoothed:
    """Boxes given all sightings of their tracks.

    Attributes:
        mean, std: (N, 4) at the sightings: centre x, centre y in pixels, log width, log height.
        query_mean, query_std: (Q, 4) the same at the queries.
    """

    mean: Float64
    std: Float64
    query_mean: Float64
    query_std: Float64


class _State(NamedTuple):
    """Means and covariances of (x, v), each (N, C)."""

    x: Float64
    v: Float64
    xx: Float64
    xv: Float64
    vv: Float64

    def at(self, rows: slice | Int64) -> _State:
        return _State(*[part[rows] for part in self])


class _Transition(NamedTuple):
    """x' = x + reach v, v' = keep v, and the covariance of what is added, each (N, C)."""

    reach: Float64
    keep: Float64
    xx: Float64
    xv: Float64
    vv: Float64

    def at(self, rows: slice) -> _Transition:
        return _Transition(*[part[rows] for part in self])


class _Gain(NamedTuple):
    """G = P F' Q^-1 of the 2 x 2 blocks: what a surprise in (x, v) says about x and v before, each (N, C)."""

    x_x: Float64
    x_v: Float64
    v_x: Float64
    v_v: Float64

    def at(self, rows: slice) -> _Gain:
        return _Gain(*[part[rows] for part in self])


def smooth(sightings: Sightings, queries: Queries, bank: Bank, camera: CameraPath | None = None) -> Smoothed:
    """The boxes at all sightings and queries, given the whole of each track.

    Each chunk of a track is smoothed in the pixels of its first frame; the result is in each frame's own.
    """
    n, q = len(sightings), len(queries)
    out = Smoothed(np.zeros((n, 4)), np.zeros((n, 4)), np.zeros((q, 4)), np.zeros((q, 4)))
    constants = bank.constants
    for batch in batches(sightings, queries):
        _smooth_batch(batch, sightings, queries, constants, camera, out)
    return out


def _smooth_batch(
    batch: TrackBatch,
    sightings: Sightings,
    queries: Queries,
    constants: Float64,
    camera: CameraPath | None,
    out: Smoothed,
) -> None:
    row, start = batch.row, batch.start
    z, time = sightings.xyxy[row], sightings.time[row]
    reference = sightings.frame[batch.first]
    if camera is not None:
        z = camera.move(z, sightings.frame[row], reference[batch.chunk])
    unit = _units(np.log(z[:, 3] - z[:, 1]), batch)
    modes = constants.shape[1] // 4
    tau, speed, wander, noise = constants
    # a step leads from the sighting before, at the same place of the step before
    widths = np.diff(start)
    back = np.arange(len(row)) - np.repeat(np.concatenate([[0], widths[:-1]]), widths)
    between = 0.5 * (unit + unit[back])  # log height of the interval that ends at each sighting
    move = _transition(time - time[back], np.exp(between)[:, None], tau, speed, wander)
    variance = (noise * np.exp(unit)[:, None] * np.tile(sightings.noise[row], modes)) ** 2
    filtered, ahead, likelihood = _filter(np.tile(z, modes), variance, move, speed, start)
    smoothed = _smooth_back(filtered, ahead, _gain(filtered.at(back), ahead, move), start)
    share = _shares(likelihood, batch, modes)
    kept = np.flatnonzero(batch.core)
    mean, std = _mix(smoothed.x[kept], smoothed.xx[kept], share[batch.chunk[kept]])
    if camera is not None:
        mean, std = camera.move_with_std(mean, std, reference[batch.chunk[kept]], sightings.frame[row[kept]])
    out.mean[row[kept]], out.std[row[kept]] = _as_box(mean, std)
    if len(batch.query) == 0:
        return
    a, b = batch.before, batch.later
    moment = queries.time[batch.query]
    scale = np.exp(between[b])[:, None]
    to = _transition(moment - time[a], scale, tau, speed, wander)
    onward = _transition(time[b] - moment, scale, tau, speed, wander)
    there = _predict(filtered.at(a), to)
    expected = _predict(there, onward)
    there = _back(there, smoothed.at(b), expected, _gain(there, expected, onward))
    chunk = batch.chunk[a]
    mean, std = _mix(there.x, there.xx, share[chunk])
    if camera is not None:
        mean, std = camera.move_with_std(mean, std, reference[chunk], queries.frame[batch.query])
    out.query_mean[batch.query], out.query_std[batch.query] = _as_box(mean, std)


def _as_box(edges: Float64, std: Float64) -> tuple[Float64, Float64]:
    """Means and standard deviations (R, 4) of centre x, centre y, log width, log height, from those of the edges.

    The errors of two opposite edges count as independent.
    """
    low, high = edges[:, :2], edges[:, 2:]
    height = np.abs(high[:, 1:] - low[:, 1:])
    size = np.maximum(high - low, np.maximum(SMALLEST * height, SMALLEST))
    both = np.hypot(std[:, :2], std[:, 2:])
    mean = np.concatenate([0.5 * (low + high), np.log(size)], axis=1)
    return mean, np.concatenate([0.5 * both, both / size], axis=1)


def _units(log_height: Float64, batch: TrackBatch) -> Float64:
    """(R,) log heights that one bad box does not change: medians of three sightings in a row of a chunk."""
    order = np.lexsort((batch.row, batch.chunk))
    chunk, value = batch.chunk[order], log_height[order]
    middle = value.copy()
    inner = np.flatnonzero(chunk[2:] == chunk[:-2]) + 1
    a, b, c = value[inner - 1], value[inner], value[inner + 1]
    middle[inner] = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    found = np.empty_like(middle)
    found[order] = middle
    return found


def _transition(dt: Float64, scale: Float64, tau: Float64, speed: Float64, wander: Float64) -> _Transition:
    """The exact discretisation over `dt` >= 0 seconds (R,), as `tracker.motion.kalman.step`, with v in own heights."""
    dt = dt[:, None]
    a = dt / tau
    u = -np.expm1(-a)
    reach = tau * u
    # tau^2 (2a - 2u - u^2) cancels down to a^3 / 1.5: the series keeps the precision at small a
    series = a * a * a * (2 / 3 - a * (0.5 - a * (7 / 30 - a / 12)))
    power = speed * speed
    grown = power * tau * tau * np.where(a < 1e-2, series, 2.0 * (a - u) - u * u)
    return _Transition(
        reach=scale * reach,
        keep=1.0 - u,
        xx=scale * scale * (grown + wander * wander * dt),
        xv=scale * (power * reach * u),
        vv=power * u * (2.0 - u),
    )


def _predict(state: _State, move: _Transition) -> _State:
    xv = state.xv + move.reach * state.vv
    return _State(
        x=state.x + move.reach * state.v,
        v=move.keep * state.v,
        xx=state.xx + move.reach * (state.xv + xv) + move.xx,
        xv=move.keep * xv + move.xv,
        vv=move.keep * move.keep * state.vv + move.vv,
    )


def _filter(
    z: Float64, variance: Float64, move: _Transition, speed: Float64, start: Int64
) -> tuple[_State, _State, Float64]:
    """Filtered and predicted states, and the log-likelihood (R, C) of each sighting given those before it."""
    filtered, predicted = (_State(*[np.empty_like(z) for _ in range(5)]) for _ in range(2))
    bounds = start.tolist()
    rows = slice(0, bounds[1])
    zero = np.zeros_like(z[rows])
    state = _State(z[rows], zero, variance[rows], zero, zero + speed * speed)
    for many in (filtered, predicted):
        for part, value in zip(many, state, strict=True):
            part[rows] = value
    for low, high in pairwise(bounds[1:]):
        rows = slice(low, high)
        ahead = _predict(state.at(slice(0, high - low)), move.at(rows))
        r = variance[rows]
        total = ahead.xx + r
        gain_x, gain_v = ahead.xx / total, ahead.xv / total
        gap = z[rows] - ahead.x
        state = _State(
            ahead.x + gain_x * gap, ahead.v + gain_v * gap, gain_x * r, gain_v * r, ahead.vv - gain_v * ahead.xv
        )
        for part, value in zip(predicted, ahead, strict=True):
            part[rows] = value
        for part, value in zip(filtered, state, strict=True):
            part[rows] = value
    total = predicted.xx + variance
    likelihood = -0.5 * ((z - predicted.x) ** 2 / total + np.log(total))
    likelihood[: bounds[1]] = 0  # of the first sighting nothing is known
    return filtered, predicted, likelihood


def _gain(state: _State, ahead: _State, move: _Transition) -> _Gain:
    """The gain of the smoother; `move` leads from `state` to `ahead` (Rauch et al., equation 3.30)."""
    # P F' has the rows (xx + reach xv, keep xv) and (xv + reach vv, keep vv)
    ax, bx = state.xx + move.reach * state.xv, move.keep * state.xv
    av, bv = state.xv + move.reach * state.vv, move.keep * state.vv
    share = 1 / np.maximum(ahead.xx * ahead.vv - ahead.xv * ahead.xv, 1e-300)
    return _Gain(
        x_x=(ax * ahead.vv - bx * ahead.xv) * share,
        x_v=(bx * ahead.xx - ax * ahead.xv) * share,
        v_x=(av * ahead.vv - bv * ahead.xv) * share,
        v_v=(bv * ahead.xx - av * ahead.xv) * share,
    )


def _back(state: _State, later: _State, ahead: _State, gain: _Gain) -> _State:
    """The state given also all that follows: `later` is smoothed, `ahead` what was predicted of it."""
    dx, dv = later.x - ahead.x, later.v - ahead.v
    cxx, cxv, cvv = later.xx - ahead.xx, later.xv - ahead.xv, later.vv - ahead.vv
    left, right = gain.x_x * cxx + gain.x_v * cxv, gain.x_x * cxv + gain.x_v * cvv
    low, high = gain.v_x * cxx + gain.v_v * cxv, gain.v_x * cxv + gain.v_v * cvv
    return _State(
        x=state.x + gain.x_x * dx + gain.x_v * dv,
        v=state.v + gain.v_x * dx + gain.v_v * dv,
        xx=np.maximum(state.xx + left * gain.x_x + right * gain.x_v, 0),
        xv=state.xv + left * gain.v_x + right * gain.v_v,
        vv=np.maximum(state.vv + low * gain.v_x + high * gain.v_v, 0),
    )


def _smooth_back(filtered: _State, predicted: _State, gain: _Gain, start: Int64) -> _State:
    """The smoothed states (R, C), from the last step to the first; gains are in the rows of the later sighting."""
    found = _State(*[part.copy() for part in filtered])
    bounds = start.tolist()
    for k in range(len(bounds) - 3, -1, -1):
        ahead = slice(bounds[k + 1], bounds[k + 2])
        rows = slice(bounds[k], bounds[k] + bounds[k + 2] - bounds[k + 1])
        state = _back(filtered.at(rows), found.at(ahead), predicted.at(ahead), gain.at(ahead))
        for part, value in zip(found, state, strict=True):
            part[rows] = value
    return found


def _shares(likelihood: Float64, batch: TrackBatch, modes: int) -> Float64:
    """(B, K * 4) the probability of each mode, from the likelihood of the whole chunk."""
    each = np.stack([np.bincount(batch.chunk, column) for column in likelihood.T], axis=1)
    by_mode = each.reshape(-1, modes, 4)
    grouped = np.stack([by_mode[:, :, [i for i in range(4) if GROUPS[i] == g]].sum(axis=2) for g in GROUPS], axis=2)
    odds = np.exp(grouped - grouped.max(axis=1, keepdims=True))
    share: Float64 = (odds / odds.sum(axis=1, keepdims=True)).reshape(-1, modes * 4)
    return share


def _mix(x: Float64, variance: Float64, share: Float64) -> tuple[Float64, Float64]:
    """(R, 4) mean and standard deviation of the mixture of the modes."""
    x, variance, share = (v.reshape(len(x), -1, 4) for v in (x, variance, share))
    mean = (share * x).sum(axis=1)
    apart = x - mean[:, None]
    return mean, np.sqrt((share * (variance + apart * apart)).sum(axis=1))
