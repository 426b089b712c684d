"""A Kalman filter of independent coordinates with Ornstein-Uhlenbeck velocity, for all tracks at once, in true time.

The model of each coordinate x (a centre in pixels, or a log size) with velocity v, in seconds:

    dv = -v / tau dt + sigma sqrt(2 / tau) dW1        (Uhlenbeck & Ornstein, Phys. Rev. 36, 1930)
    dx =  v dt       + d dW2
    z  =  x          + r e,   e ~ N(0, 1)

`MotionNoise` holds tau (`velocity_tau`), sigma (`velocity_std`), the stationary standard deviation of v, d
(`position_diffusion`) and r (`measurement_noise`). After a gap the velocity has decayed to zero and its variance has
risen back to sigma^2: the prediction comes to rest and its uncertainty grows, where a constant velocity would diverge.
Coordinates are independent, so a covariance is three numbers and all is closed form: `step` is the exact
discretisation (Gardiner, Stochastic Methods, section 4.5), `correct` the scalar measurement update (Kalman, "A New
Approach to Linear Filtering and Prediction Problems", Journal of Basic Engineering 82, 1960).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracker.types import Float64


class Gaussian(NamedTuple):
    """Means and covariances of (x, v), each of shape (C, N): C independent coordinates of N objects."""

    x: Float64
    v: Float64
    xx: Float64  # variance of x
    xv: Float64  # covariance of x and v
    vv: Float64  # variance of v


class MotionNoise(NamedTuple):
    """The model's constants, each broadcastable to (C, N)."""

    velocity_tau: Float64  # seconds, time constant of the velocity
    velocity_std: Float64  # units a second
    position_diffusion: Float64  # units a square root of a second
    measurement_noise: Float64  # units


def step(state: Gaussian, dt: Float64, noise: MotionNoise) -> Gaussian:
    """The predicted state after `dt` >= 0 seconds, (N,). Exact: two steps equal one step of their sum."""
    a = dt / noise.velocity_tau
    u = -np.expm1(-a)  # 1 - e^-a without cancellation at small a
    e = 1.0 - u
    reach = noise.velocity_tau * u  # displacement of x by a unit of velocity
    power = noise.velocity_std * noise.velocity_std
    # tau^2 (2a - 2u - u^2) cancels down to a^3 / 1.5: the series keeps the precision at small a.
    series = a * a * a * (2 / 3 - a * (0.5 - a * (7 / 30 - a / 12)))
    spread = noise.velocity_std * noise.velocity_tau
    qxx = spread * spread * np.where(a < 1e-2, series, 2.0 * (a - u) - u * u)
    xv = state.xv + reach * state.vv
    return Gaussian(
        x=state.x + reach * state.v,
        v=e * state.v,
        xx=state.xx + reach * (state.xv + xv) + qxx + noise.position_diffusion**2 * dt,
        xv=e * xv + power * reach * u,
        vv=e * e * (state.vv - power) + power,
    )


def correct(state: Gaussian, z: Float64, variance: Float64) -> Gaussian:
    """The state after a measurement `z` of x with that `variance`, each (C, N): the Kalman update in closed form."""
    total = state.xx + variance
    gain_x, gain_v = state.xx / total, state.xv / total
    gap = z - state.x
    return Gaussian(
        x=state.x + gain_x * gap,
        v=state.v + gain_v * gap,
        xx=gain_x * variance,  # (1 - k) xx, written without a difference
        xv=gain_v * variance,
        vv=state.vv - gain_v * state.xv,
    )


def first(z: Float64, variance: Float64, noise: MotionNoise) -> Gaussian:
    """The state after the first measurement (C, N): at `z`, at rest, with the stationary variance of the velocity."""
    speed = np.broadcast_to(noise.velocity_std, z.shape)
    return Gaussian(z, np.zeros_like(z), np.broadcast_to(variance, z.shape), np.zeros_like(z), speed * speed)
