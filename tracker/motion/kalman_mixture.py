"""The default filter as a `Motion`: a mixture of Kalman filters in seconds, weighted by their predictive likelihood.

The velocity of pedestrians persists for seconds, that of dancers for 0.5 s; runners, and objects in front of a panning
camera, are many times as fast. No single set of constants fits all of them. So every track is filtered under each
motion mode at once, and the prediction is the mixture by the modes' probabilities (static multiple-model
estimation: Magill, "Optimal adaptive estimation of sampled stochastic processes", IEEE Trans. Automatic Control 10,
1965; there is no mixing between modes as in the IMM of Blom & Bar-Shalom, IEEE Trans. Automatic Control 33, 1988).
Likelihoods are Student-t, so that one wrong match does not decide (Lange, Little & Taylor, JASA 84, 1989), and fade
over `MEMORY_S` seconds; a new track starts with the mean of the scene's other tracks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tracker.boxes import magnification, to_xyxy
from tracker.motion.base import Observations, Prediction
from tracker.motion.kalman import Gaussian, MotionNoise, correct, first, step
from tracker.types import Float32, Float64, Int64


@dataclass(frozen=True, slots=True)
class MotionMode:
    """A motion mode: how one kind of object moves and is detected. Lengths are in heights of the object's own box.

    Attributes:
        velocity_tau: time constant of the velocity, seconds.
        velocity_std: standard deviation of the velocity, heights a second.
        position_diffusion: diffusion of the centre besides its velocity, heights per square root of a second.
        measurement_noise: standard deviation of a detected centre, heights.
        width_diffusion: diffusion of the log width, per square root of a second.
        width_noise: standard deviation of a detected log width.
        height_diffusion: diffusion of the log height, per square root of a second.
        height_noise: standard deviation of a detected log height.
    """

    velocity_tau: float
    velocity_std: float
    position_diffusion: float
    measurement_noise: float
    width_diffusion: float
    width_noise: float
    height_diffusion: float
    height_noise: float


MOTION_MODES = (
    MotionMode(5.0, 0.11, 0.03, 0.012, 0.08, 0.012, 0.05, 0.012),
    MotionMode(0.5, 0.17, 0.09, 0.012, 0.26, 0.02, 0.16, 0.02),
    MotionMode(2.0, 0.8, 0.09, 0.012, 0.26, 0.02, 0.16, 0.02),
)
# Fitted to simulated crowds, dancers, and players by `liquidtrack fit motion`: no research data is in these numbers.
SIMULATED_MODES = (
    MotionMode(22.0, 0.23, 0.037, 0.0085, 0.26, 0.05, 0.07, 0.021),
    MotionMode(0.73, 0.32, 0.056, 0.0095, 0.35, 0.05, 0.14, 0.02),
    MotionMode(1.7, 0.63, 0.045, 0.0105, 0.37, 0.055, 0.13, 0.0235),
)
MODES = {"package": MOTION_MODES, "simulated": SIMULATED_MODES}  # by the name in a head's settings
STUDENT_T_DOF = 2.5  # degrees of freedom of the Student-t likelihood
MEMORY_S = 10.0  # seconds, time constant of the likelihoods
SURPRISE = 2.0  # largest change of the log-odds by one observation: a wrong match must not decide alone
# The last columns of a row: the coordinates of the last matched box.
LAST_BOX, LAST_CENTRE, LAST_SIZE, LAST_LOG_HEIGHT = slice(-4, None), slice(-4, -2), slice(-2, None), -1


class KalmanMotion:
    """Ornstein-Uhlenbeck velocity of the centre, random walk of the log size, under each of K motion modes."""

    uses_crowding = False
    max_lives = 1.0

    def __init__(self, modes: tuple[MotionMode, ...] = MOTION_MODES) -> None:
        self._k = k = len(modes)
        self._n = n = 4 * k
        # Columns: time of the last match, then x, v, xx, xv, vv (each K x 4), log weight (K), last matched box (4).
        self.width = 5 + 5 * n + k
        self._weight = slice(1 + 5 * n, 1 + 5 * n + k)
        # A log size has no velocity: its standard deviation is 0, its tau arbitrary. Each is a column, (4 K, 1).
        constants = [
            each
            for p in modes
            for each in (
                *[(p.velocity_tau, p.velocity_std, p.position_diffusion, p.measurement_noise)] * 2,
                (1, 0, p.width_diffusion, p.width_noise),
                (1, 0, p.height_diffusion, p.height_noise),
            )
        ]
        self._tau, self._speed, self._wander, self._measure = np.array(constants).T[:, :, None]
        self._centre = np.array([[1.0, 1.0, 0.0, 0.0]] * k).reshape(-1, 1)

    def constants(self) -> Float64:
        """(4, 4 K) time constant, speed, diffusion and noise of each coordinate under each mode."""
        return np.concatenate([self._tau, self._speed, self._wander, self._measure], axis=1).T

    def observe(
        self, xyxy: Float32, score: Float32, crowded: bool = False, label: Int64 | None = None, **columns: Any
    ) -> Observations:
        return Observations.at(xyxy, score, crowded, label, **columns)

    def start(self, observations: Observations, time: float, others: Float64) -> Float64:
        noise = self._noise(observations.coordinates[:, 3])
        weight = np.zeros((self._k, len(observations.score)))
        if len(others):
            weight += others[:, self._weight].mean(axis=0)[:, None]
        return self._rows(
            first(self._under_each(observations), noise.measurement_noise**2, noise), weight, observations, time
        )

    def predict(self, rows: Float64, time: float | Float64) -> Prediction:
        """As `Motion.predict`; `time` may also be (N,), one for each row."""
        elapsed = time - rows[:, 0]
        noise = self._noise(rows[:, LAST_LOG_HEIGHT])
        state = step(self._state(rows), elapsed, noise)
        share = self._mode_probabilities(rows)[:, None]
        x = state.x.reshape(self._k, 4, -1)
        variance = (state.xx + noise.measurement_noise**2).reshape(x.shape)
        mean = np.add.reduce(share * x)
        apart = x - mean
        std = np.sqrt(np.add.reduce(share * (variance + apart * apart)))
        return Prediction(mean.T, std.T, to_xyxy(mean.T), rows[:, LAST_BOX], elapsed, state=state)

    def update(
        self, rows: Float64, observations: Observations, time: float, prediction: Prediction | None = None
    ) -> Float64:
        prediction = prediction or self.predict(rows, time)
        state = prediction.state
        assert state is not None
        z = self._under_each(observations)
        variance = (self._measure * self._unit(rows[:, LAST_LOG_HEIGHT])) ** 2
        total = state.xx + variance
        gap = z - state.x
        density = (STUDENT_T_DOF + 1) * np.log1p(gap * gap / (STUDENT_T_DOF * total)) + np.log(total)
        foresight = -0.5 * np.add.reduce(density.reshape(self._k, 4, -1), axis=1)
        foresight -= np.add.reduce(foresight) / self._k
        foresight = np.minimum(np.maximum(foresight, -SURPRISE), SURPRISE)
        weight = rows[:, self._weight].T * np.exp(prediction.elapsed / -MEMORY_S) + foresight
        return self._rows(correct(state, z, variance), weight, observations, time)

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        linear, shift = affine[:, :2], affine[:, 2]
        grow = 0.5 * np.log(magnification(linear))
        square = linear * linear
        new = rows.copy()
        parts = new[:, 1 : 1 + 5 * self._n].reshape(len(rows), 5, self._k, 4)
        parts[:, 0, :, :2] = parts[:, 0, :, :2] @ linear.T + shift
        parts[:, 0, :, 2:] += grow
        parts[:, 1, :, :2] = parts[:, 1, :, :2] @ linear.T
        parts[:, 2:, :, :2] = parts[:, 2:, :, :2] @ square.T  # the covariance of x with y that results is neglected
        new[:, 1 : 1 + 5 * self._n] = parts.reshape(len(rows), -1)
        new[:, LAST_CENTRE] = rows[:, LAST_CENTRE] @ linear.T + shift
        new[:, LAST_SIZE] += grow
        return new

    def mode_probabilities(self, rows: Float64) -> Float64:
        """(N, K) the probability of each motion mode; rows sum to 1."""
        return self._mode_probabilities(rows).T

    # Internally, arrays are (columns, N): NumPy's inner loop then runs over all tracks, not over a track's columns.

    def _mode_probabilities(self, rows: Float64) -> Float64:
        weight = np.ascontiguousarray(rows[:, self._weight].T)
        odds = np.exp(weight - np.maximum.reduce(weight))
        share: Float64 = odds / np.add.reduce(odds)
        return share

    def _noise(self, log_height: Float64) -> MotionNoise:
        """The constants in pixels, for boxes of these log heights, (N,)."""
        unit = self._unit(log_height)
        return MotionNoise(self._tau, self._speed * unit, self._wander * unit, self._measure * unit)

    def _unit(self, log_height: Float64) -> Float64:
        return np.exp(self._centre * log_height)

    def _under_each(self, observations: Observations) -> Float64:
        """(4 K, N) the observed coordinates, repeated for each motion mode."""
        return np.concatenate([observations.coordinates.T] * self._k)

    def _state(self, rows: Float64) -> Gaussian:
        parts = np.ascontiguousarray(rows[:, 1 : 1 + 5 * self._n].T)
        return Gaussian(*parts.reshape(5, self._n, -1))

    def _rows(self, state: Gaussian, weight: Float64, observations: Observations, time: float) -> Float64:
        when = np.full((1, len(observations.score)), time)
        return np.ascontiguousarray(np.concatenate([when, *state, weight, observations.coordinates.T]).T)
