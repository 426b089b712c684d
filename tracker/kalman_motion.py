"""The Kalman filter in seconds as a `Motion`: a few kinds of mover, each a filter of its own, weighed by its foresight.

People who walk keep their velocity for seconds; people who dance lose it in half of one. No single constant serves
both. So every track is filtered under each `Prior` at once, and its answer is the mixture by how well each prior has
foreseen the track so far (the multiple-model estimator of Magill, IEEE Trans. Automatic Control 10, 1965). What a
track has shown fades over `MEMORY` seconds; a new track starts with the mean of what the scene's others have shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.boxes import to_xyxy
from tracker.kalman import Gaussian, Noise, correct, first, step
from tracker.motion import Look, Prediction
from tracker.types import Float64


@dataclass(frozen=True, slots=True)
class Prior:
    """How one kind of object moves and is seen. Lengths are in heights of the object's own box.

    Attributes:
        decay: seconds in which a velocity is forgotten.
        speed: standing deviation of the velocity, heights a second.
        wander: what moves a centre besides its velocity, heights a square root of a second.
        measure: noise of a detected centre, heights.
        width_wander: what changes the log width, per square root of a second.
        width_measure: noise of a detected log width.
        height_wander: what changes the log height, per square root of a second.
        height_measure: noise of a detected log height.
    """

    decay: float
    speed: float
    wander: float
    measure: float
    width_wander: float
    width_measure: float
    height_wander: float
    height_measure: float


PRIORS = (
    Prior(5.0, 0.11, 0.03, 0.012, 0.08, 0.012, 0.05, 0.012),
    Prior(0.5, 0.17, 0.09, 0.012, 0.26, 0.02, 0.16, 0.02),
)
TAIL = 2.5  # degrees of freedom of the Student-t error by which foresight is judged
MEMORY = 10.0  # seconds
SURPRISE = 2.0  # the most log odds that one look may move: a wrong match must not decide alone


class KalmanMotion:
    """Ornstein-Uhlenbeck velocity on the centre, random walk on log size, under each of K priors."""

    crowded = False
    odds = None  # it leaves the association to a cost

    def __init__(self, priors: tuple[Prior, ...] = PRIORS) -> None:
        self._k = k = len(priors)
        self._n = n = 4 * k
        # Columns: when seen, then x, v, xx, xv, vv (each K x 4), log weight (K), the box last seen (4).
        self.width = 5 + 5 * n + k
        self._weight = slice(1 + 5 * n, 1 + 5 * n + k)
        # A log size has no velocity: its speed is 0 and any decay serves.
        self._tau = np.array([[p.decay, p.decay, 1, 1] for p in priors]).ravel()
        self._speed = np.array([[p.speed, p.speed, 0, 0] for p in priors]).ravel()
        self._wander = np.array([[p.wander, p.wander, p.width_wander, p.height_wander] for p in priors]).ravel()
        self._measure = np.array([[p.measure, p.measure, p.width_measure, p.height_measure] for p in priors]).ravel()
        self._centre = np.tile([True, True, False, False], k)

    def start(self, look: Look, time: float, others: Float64) -> Float64:
        noise = self._noise(look.coordinates[:, 3])
        z = np.tile(look.coordinates, self._k)
        weight = np.zeros((len(z), self._k))
        if len(others):
            weight += others[:, self._weight].mean(axis=0)
        return self._rows(first(z, noise.measure**2, noise), weight, look, time)

    def predict(self, rows: Float64, time: float) -> Prediction:
        elapsed = time - rows[:, 0]
        noise = self._noise(rows[:, -1])
        state = step(self._state(rows), elapsed[:, None], noise)
        share = self.shares(rows)[:, :, None]
        x = state.x.reshape(-1, self._k, 4)
        variance = (state.xx + noise.measure**2).reshape(-1, self._k, 4)
        mean = (share * x).sum(axis=1)
        apart = x - mean[:, None]
        std = np.sqrt((share * (variance + apart * apart)).sum(axis=1))
        return Prediction(mean, std, to_xyxy(mean), rows[:, -4:], elapsed, state=state)

    def update(self, rows: Float64, look: Look, time: float, prediction: Prediction | None = None) -> Float64:
        prediction = prediction or self.predict(rows, time)
        state, elapsed = prediction.state, prediction.elapsed[:, None]
        assert state is not None
        z = np.tile(look.coordinates, self._k)
        variance = (self._measure * self._unit(rows[:, -1])) ** 2
        total = state.xx + variance
        gap = z - state.x
        density = -0.5 * ((TAIL + 1) * np.log1p(gap * gap / (TAIL * total)) + np.log(total))
        foresight = density.reshape(-1, self._k, 4).sum(axis=2)
        foresight -= foresight.mean(axis=1, keepdims=True)
        weight = rows[:, self._weight] * np.exp(-elapsed / MEMORY) + np.clip(foresight, -SURPRISE, SURPRISE)
        return self._rows(correct(state, z, variance), weight, look, time)

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        linear, shift = affine[:, :2], affine[:, 2]
        grow = 0.5 * np.log(abs(np.linalg.det(linear)))
        square = linear * linear
        new = rows.copy()
        parts = new[:, 1 : 1 + 5 * self._n].reshape(len(rows), 5, self._k, 4)
        parts[:, 0, :, :2] = parts[:, 0, :, :2] @ linear.T + shift
        parts[:, 0, :, 2:] += grow
        parts[:, 1, :, :2] = parts[:, 1, :, :2] @ linear.T
        parts[:, 2:, :, :2] = parts[:, 2:, :, :2] @ square.T  # the covariance of x with y that it brings is left out
        new[:, 1 : 1 + 5 * self._n] = parts.reshape(len(rows), -1)
        new[:, -4:-2] = rows[:, -4:-2] @ linear.T + shift
        new[:, -2:] += grow
        return new

    def shares(self, rows: Float64) -> Float64:
        """(N, K) how much each prior counts in a track's answer, summing to 1."""
        weight = rows[:, self._weight]
        odds = np.exp(weight - weight.max(axis=1, keepdims=True))
        share: Float64 = odds / odds.sum(axis=1, keepdims=True)
        return share

    def _noise(self, log_height: Float64) -> Noise:
        """The constants in pixels, for boxes of these log heights, (N,)."""
        unit = self._unit(log_height)
        return Noise(self._tau, self._speed * unit, self._wander * unit, self._measure * unit)

    def _unit(self, log_height: Float64) -> Float64:
        return np.where(self._centre, np.exp(log_height)[:, None], 1.0)

    def _state(self, rows: Float64) -> Gaussian:
        n = self._n
        return Gaussian(*(rows[:, 1 + n * part : 1 + n * (part + 1)] for part in range(5)))

    def _rows(self, state: Gaussian, weight: Float64, look: Look, time: float) -> Float64:
        when = np.full((len(look.score), 1), time)
        return np.concatenate([when, *state, weight, look.coordinates], axis=1)
