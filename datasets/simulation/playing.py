"""Random team games: ground truth to train a tracker without recorded video.

Two teams hold a formation that shifts with the ball (as the zones of Kitano et al., "RoboCup", AI Magazine 18, 1997),
mark opponents, sprint and stop within human limits. Players steer as in Reynolds, "Steering behaviors for autonomous
characters", 1999. A camera beside the field follows the ball with pans and zooms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from datasets.ground_truth.tracking import TrackingSequence
from datasets.simulation.detector_noise import Rng
from datasets.simulation.people_view import IMAGES, MovingCamera, ScenePeople, film, wander
from tracker.types import Float64

HEIGHT = 1.82, 0.08  # metres: mean and standard deviation
MAX_MPS = 8.0  # metres a second: a sprint
MAX_ACCELERATION = 6.0  # metres a second squared
REACT_S = 0.3  # seconds within which a player takes the desired velocity
BALL_MPS = 14.0  # metres a second


class Game(NamedTuple):
    """A field of `long` by `wide` metres with `side` players a team, and how far and high the camera stands."""

    long: float
    wide: float
    side: int
    away: tuple[float, float]
    above: tuple[float, float]


GAMES = (
    Game(28, 15, 5, (6, 16), (3, 8)),  # basketball
    Game(40, 20, 7, (8, 20), (4, 10)),  # handball
    Game(18, 9, 6, (6, 14), (3, 7)),  # volleyball
    Game(105, 68, 11, (15, 45), (8, 22)),  # football
)


def play(rng: Rng, seconds: float, rate: float) -> tuple[TrackingSequence, MovingCamera]:
    """One scene of `seconds` at `rate` frames a second, at least two frames, and its camera."""
    times = np.arange(max(2, int(seconds * rate))) / rate
    game = GAMES[rng.choice(4, p=[0.35, 0.15, 0.15, 0.35])]
    place, ball = _match(game, times, rng)
    people = _bodies(place, times, rng)
    camera = _camera(game, ball, times, rng)
    return film("players", times, people, camera, rng), camera


def _match(game: Game, times: Float64, rng: Rng) -> tuple[Float64, Float64]:
    """(T, N, 2) places of the players and referees, (T, 2) of the ball; the field's middle is the origin."""
    n = 2 * game.side
    half = np.array([game.long, game.wide]) / 2
    zone = rng.uniform(-0.85, 0.85, (game.side, 2)) * half * [0.7, 1]
    zone = np.concatenate([zone, -zone + rng.normal(0, 1.0, zone.shape)])
    pace = rng.uniform(3.0, 6.5, n + 2)
    x = np.concatenate([zone, rng.uniform(-0.8, 0.8, (2, 2)) * half]) + rng.normal(0, 1.0, (n + 2, 2))
    v = np.zeros_like(x)
    goal, until = x.copy(), np.zeros(n + 2)
    ball, owner, passes = x[0].copy(), 0, 0.0
    press, near = float(rng.uniform(0.2, 0.7)), float(rng.uniform(0.5, 1.8))
    dt = float(times[1] - times[0])
    inner = max(1, int(np.ceil(dt / 0.05)))
    h = dt / inner
    out, track = np.empty((len(times), n + 2, 2)), np.empty((len(times), 2))
    for k in range(len(times)):
        for j in range(inner):
            t = float(times[k]) + j * h
            if t >= passes:
                owner = int(rng.integers(n)) if rng.random() < 0.35 else _mate(x, owner, game.side, rng)
                passes = t + 0.4 + float(rng.exponential(1.6))
            way = x[owner] - ball
            far = float(np.linalg.norm(way))
            ball = ball + way / max(far, 1e-6) * min(BALL_MPS * h, far)
            new = np.flatnonzero(t >= until)
            if len(new):
                goal[new] = _goals(new, x, zone, ball, half, game.side, press, near, rng)
                until[new] = t + 0.3 + rng.exponential(1.2, len(new))
            x, v = _advance(x, v, goal, pace, h)
        out[k], track[k] = x, ball
    return out, track


def _mate(x: Float64, owner: int, side: int, rng: Rng) -> int:
    """One of the owner's team, mostly a near one."""
    team = np.arange(side) + (owner >= side) * side
    far = np.linalg.norm(x[team] - x[owner], axis=1)
    weight = np.exp(-far / 12)
    return int(rng.choice(team, p=weight / weight.sum()))


def _goals(
    new: np.ndarray,
    x: Float64,
    zone: Float64,
    ball: Float64,
    half: Float64,
    side: int,
    press: float,
    near: float,
    rng: Rng,
) -> Float64:
    """(M, 2) where the players `new` (M,) go next: their zone, an opponent, the ball, a free run, or nowhere."""
    out = np.empty((len(new), 2))
    for row, one in enumerate(new.tolist()):
        if one >= 2 * side:  # a referee follows the play from beside it
            out[row] = 0.7 * ball + rng.normal(0, 3, 2)
            continue
        shift = 0.6 * ball * [1, 0.5]
        kind = rng.random()
        if kind < press:  # mark an opponent, from close by
            foes = x[side : 2 * side] if one < side else x[:side]
            spot = (
                foes[np.linalg.norm(foes - x[one], axis=1).argmin()] if rng.random() < 0.7 else foes[rng.integers(side)]
            )
            out[row] = spot + rng.normal(0, near, 2)
        elif kind < press + 0.1:
            out[row] = ball + rng.normal(0, 0.6, 2)
        elif kind < press + 0.18:
            out[row] = x[one]
        elif kind < press + 0.3:
            out[row] = x[one] + rng.normal(0, 6, 2)
        else:
            out[row] = zone[one] + shift + rng.normal(0, 2, 2)
    return np.clip(out, -half, half)


def _advance(x: Float64, v: Float64, goal: Float64, pace: Float64, h: float) -> tuple[Float64, Float64]:
    """Places and velocities `h` seconds later: arrive at the goals, keep 0.5 metres from others."""
    gap = goal - x
    far = np.linalg.norm(gap, axis=1, keepdims=True)
    wish = gap / np.maximum(far, 1e-6) * np.minimum(pace[:, None], 1.5 * far)
    apart = x[:, None] - x[None]
    near = np.linalg.norm(apart, axis=2) + 1e-6
    np.fill_diagonal(near, 1e3)
    push = (np.clip(0.6 - near, 0, None) * 40 / near)[..., None] * apart
    force = (wish - v) / REACT_S
    size = np.linalg.norm(force, axis=1, keepdims=True)
    v = v + h * (force * np.minimum(1, MAX_ACCELERATION / np.maximum(size, 1e-6)) + push.sum(1))
    fast = np.linalg.norm(v, axis=1, keepdims=True)
    v = v * np.minimum(1, MAX_MPS / np.maximum(fast, 1e-6))
    return x + h * v, v


def _bodies(place: Float64, times: Float64, rng: Rng) -> ScenePeople:
    """Heights and widths: strides by speed, bending, jumps, spread arms."""
    frames, n = place.shape[:2]
    dt = float(times[1] - times[0])
    fast = np.linalg.norm(np.gradient(place, dt, axis=0), axis=2)
    tall = rng.normal(*HEIGHT, n)
    phase = np.cumsum(2 * np.pi * 1.4 * dt * np.clip(fast / 4, 0.1, 1.5), 0) + rng.uniform(0, 6, n)
    stride = 0.45 * float(rng.uniform(0.2, 1)) * np.abs(np.sin(phase)) * np.clip(fast / 4, 0, 1.3)
    arms = np.clip(wander(frames, dt, 0.5, 0.3, rng, n), 0, 0.8)
    width = rng.uniform(0.5, 0.65, n) + stride + arms
    bend = np.clip(wander(frames, dt, 0.6, 0.12, rng, n), 0, 0.35)
    up = np.clip(wander(frames, dt, 0.5, 0.1, rng, n) - 0.05, 0, 0.25)
    lift = np.clip(wander(frames, dt, 0.25, 0.25, rng, n) - 0.4, 0, 0.6) * (rng.random() < 0.5)
    return ScenePeople(place, tall * (1 - bend + up), width, np.ones((frames, n), bool), lift)


def _camera(game: Game, ball: Float64, times: Float64, rng: Rng) -> MovingCamera:
    """A camera beside the field that follows the ball: a second-order servo in pan, slow zooms."""
    frames, dt = len(times), float(times[1] - times[0])
    width, height = map(float, IMAGES[rng.integers(2, len(IMAGES))])
    away, above = float(rng.uniform(*game.away)) + game.wide / 2, float(rng.uniform(*game.above))
    share = float(np.exp(rng.uniform(np.log(0.06), np.log(0.35)))) if game.long < 60 else float(rng.uniform(0.05, 0.22))
    x0 = float(rng.uniform(-0.2, 0.2)) * game.long
    at = np.tile([x0, -away, above], (frames, 1))
    aim = np.arctan2(ball[:, 0] - x0, away + ball[:, 1])
    down = np.arctan(above / np.maximum(np.hypot(away + ball[:, 1], ball[:, 0] - x0), 3))
    pan = _servo(aim, dt, float(rng.uniform(0.4, 1.2)))
    tilt = _servo(0.7 * down + 0.3 * float(down.mean()), dt, 1.5)
    focal = share * height * away / 1.8 * np.exp(wander(frames, dt, 4.0, float(rng.uniform(0, 0.2)), rng)[:, 0])
    shake = float(rng.choice([0.0, 0.001, 0.004]))
    pan = pan + wander(frames, dt, 0.3, shake, rng)[:, 0]
    return MovingCamera(width, height, focal, at, pan, tilt)


def _servo(aim: Float64, dt: float, tau: float) -> Float64:
    """(T,) a critically damped second-order system with the time constant `tau` that follows the aim."""
    out, x, v = np.empty(len(aim)), float(aim[0]), 0.0
    inner = max(1, int(np.ceil(dt / 0.05)))
    for k, value in enumerate(aim.tolist()):
        for _ in range(inner):
            v += dt / inner * ((value - x) / tau**2 - 2 * v / tau)
            x += dt / inner * v
        out[k] = x
    return out
