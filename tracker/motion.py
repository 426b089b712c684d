"""Where a track will be: the `Motion` plug-in and its first entry, the Kalman filter in seconds.

A motion model keeps what it knows of each track in one row of a float64 array. The engine never looks into a row: it
takes, joins and drops rows. Two verbs matter: `predict` is a pure query (ask it twice, ask it for any time), and
`update` happens only where a detection matched, so that a track which is not seen makes no step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tracker.boxes import to_coordinates, to_xyxy
from tracker.config import TrackerConfig
from tracker.kalman import Gaussian, Noise, correct, first, step
from tracker.types import Bool, Float32, Float64, Int64


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of N objects in one frame.

    Attributes:
        coordinates: (N, 4) centre x, centre y in pixels, log width, log height.
        xyxy: (N, 4) the same boxes by their corners, pixels.
        score: (N,) 0..1.
    """

    coordinates: Float64
    xyxy: Float64
    score: Float64

    @classmethod
    def at(cls, xyxy: Float32 | Float64, score: Float32 | Float64) -> Look:
        """The look at boxes `xyxy`, (N, 4) pixels, with scores (N,)."""
        corners = np.asarray(xyxy, np.float64)
        return cls(to_coordinates(corners), corners, np.asarray(score, np.float64))

    def take(self, rows: Int64 | Bool) -> Look:
        """Only `rows`: a mask or indices."""
        return Look(self.coordinates[rows], self.xyxy[rows], self.score[rows])


@dataclass(frozen=True, slots=True)
class Prediction:
    """Where a detector will see N tracks at one time.

    Attributes:
        coordinates: (N, 4) mean of centre x, centre y in pixels, log width, log height.
        std: (N, 4) standard deviations of the same, of the model and of the next detection's own noise together.
        xyxy: (N, 4) the mean box by its corners, pixels.
        seen: (N, 4) the coordinates of the box that was seen last, in this frame's pixels.
        elapsed: (N,) seconds since then.
    """

    coordinates: Float64
    std: Float64
    xyxy: Float64
    seen: Float64
    elapsed: Float64


class Motion(Protocol):
    """A motion model. `rows` is its own (N, width) float64 array, opaque to everybody else."""

    @property
    def width(self) -> int:
        """Numbers a row."""
        ...

    def start(self, look: Look, time: float) -> Float64:
        """Rows of new tracks, seen for the first time at `time` seconds."""
        ...

    def predict(self, rows: Float64, time: float) -> Prediction:
        """Where these tracks are at `time` seconds. Pure: changes nothing."""
        ...

    def update(self, rows: Float64, look: Look, time: float) -> Float64:
        """The rows after each track was seen in its row of `look` at `time` seconds."""
        ...

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        """The rows in the pixels of a frame whose camera has moved by the (2, 3) `affine`."""
        ...


class KalmanMotion:
    """Ornstein-Uhlenbeck velocity on centre and log size; every noise of the centre is relative to the box's height."""

    # Columns: when seen, x(4), v(4), xx(4), xv(4), vv(4), the box last seen(4).
    width = 25

    def __init__(self, config: TrackerConfig) -> None:
        c = config
        self._tau = np.repeat([c.velocity_decay, c.size_decay], 2)
        self._speed = np.repeat([c.speed, c.size_speed], 2)
        self._wander = np.repeat([c.wander, c.size_wander], 2)
        self._measure = np.repeat([c.measure, c.size_measure], 2)

    def _noise(self, log_height: Float64) -> Noise:
        """The constants in pixels, for boxes of these log heights, (N,)."""
        unit = np.ones((len(log_height), 4))
        unit[:, :2] = np.exp(log_height)[:, None]
        return Noise(self._tau, self._speed * unit, self._wander * unit, self._measure * unit)

    @staticmethod
    def _state(rows: Float64) -> Gaussian:
        return Gaussian(rows[:, 1:5], rows[:, 5:9], rows[:, 9:13], rows[:, 13:17], rows[:, 17:21])

    @staticmethod
    def _rows(state: Gaussian, look: Look, time: float) -> Float64:
        when = np.full((len(look.score), 1), time)
        return np.concatenate([when, *state, look.coordinates], axis=1)

    def start(self, look: Look, time: float) -> Float64:
        noise = self._noise(look.coordinates[:, 3])
        return self._rows(first(look.coordinates, noise.measure**2, noise), look, time)

    def predict(self, rows: Float64, time: float) -> Prediction:
        elapsed = time - rows[:, 0]
        noise = self._noise(rows[:, 4])
        state = step(self._state(rows), elapsed[:, None], noise)
        std = np.sqrt(state.xx + noise.measure**2)
        return Prediction(state.x, std, to_xyxy(state.x), rows[:, 21:25], elapsed)

    def update(self, rows: Float64, look: Look, time: float) -> Float64:
        noise = self._noise(rows[:, 4])
        state = step(self._state(rows), time - rows[:, :1], noise)
        return self._rows(correct(state, look.coordinates, noise.measure**2), look, time)

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        linear, shift = affine[:, :2], affine[:, 2]
        grow = 0.5 * np.log(abs(np.linalg.det(linear)))
        square = linear * linear
        new = rows.copy()
        for at in (1, 21):  # the mean and the box last seen
            new[:, at : at + 2] = rows[:, at : at + 2] @ linear.T + shift
            new[:, at + 2 : at + 4] += grow
        new[:, 5:7] = rows[:, 5:7] @ linear.T
        for at in (9, 13, 17):  # the small covariance of x with y that a rotation brings is left out
            new[:, at : at + 2] = rows[:, at : at + 2] @ square.T
        return new


MOTIONS: dict[str, Callable[[TrackerConfig], Motion]] = {"kalman": KalmanMotion}
