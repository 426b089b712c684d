"""Random dances: ground truth to train a tracker without recorded video.

Dancers hold places of a formation, change formations so that they cross, turn with the whole group, and move on the
beat: each limb is an oscillator whose phase the group shares (coupled oscillators: Kuramoto, Chemical Oscillations,
Waves, and Turbulence, 1984; here with a fixed spread of phases, as in a canon). They crouch, jump, spread their arms
and improvise.
"""

from __future__ import annotations

import numpy as np

from datasets.ground_truth.tracking import TrackingSequence
from datasets.simulation.detector_noise import Rng
from datasets.simulation.people_view import IMAGES, MovingCamera, ScenePeople, film, wander
from tracker.types import Float64

BEAT_HZ = 1.4, 2.6  # beats a second: 84 to 156 a minute
GAP_M = 0.9, 1.8  # metres between neighbours of a formation
HEIGHT = 1.68, 0.06  # metres: mean and standard deviation
REACT_S = 0.25  # seconds within which a dancer takes a place
MAX_MPS = 4.0  # fastest dancer, metres a second


def dance(rng: Rng, seconds: float, rate: float) -> tuple[TrackingSequence, MovingCamera]:
    """One scene of `seconds` at `rate` frames a second, at least two frames, and its camera."""
    times = np.arange(max(2, int(seconds * rate))) / rate
    n = int(rng.integers(2, 6) if rng.random() < 0.25 else rng.integers(5, 19))
    beat = 2 * np.pi * float(rng.uniform(*BEAT_HZ)) * times[:, None]
    lag = rng.uniform(0, 6.3, n) if rng.random() < 0.3 else rng.normal(0, 0.25, n)  # a canon, or all together
    target = _formations(times, n, rng)
    target = target + _steps(beat, lag, rng) + _alone(times, n, rng)
    place = _followed(target, 1 / rate)
    people = _bodies(place, beat, lag, times, rng)
    camera = _camera(place, times, rng)
    return film("dancers", times, people, camera, rng), camera


def _formations(times: Float64, n: int, rng: Rng) -> Float64:
    """(T, N, 2) places: formations that change every few seconds, some of which turn."""
    gap = float(rng.uniform(*GAP_M))
    stay, swap = float(rng.uniform(2, 9)), float(rng.choice([0.15, 0.5, 1.0]))
    out = np.empty((len(times), n, 2))
    spot = _formation(n, gap, rng)
    until, begin, old = 0.0, 0.0, spot
    lasts, turn = 1.0, 0.0
    order = np.arange(n)
    for k, t in enumerate(times.tolist()):
        if t >= until:
            old, spot = spot, _formation(n, gap, rng)
            moved = np.flatnonzero(rng.random(n) < swap)  # who changes places with whom
            order = order.copy()
            order[moved] = order[rng.permutation(moved)]
            old = out[k - 1] if k else old[order]
            spot, begin = spot[order], t
            lasts, until = float(rng.uniform(0.8, 3.0)), t + 0.8 + float(rng.exponential(stay))
            turn = float(rng.choice([0.0, rng.normal(0, 0.9)], p=[0.7, 0.3]))  # radians a second
        u = min((t - begin) / lasts, 1.0)
        u = u**3 * (10 - 15 * u + 6 * u * u)  # minimum jerk (Flash & Hogan, Journal of Neuroscience 5, 1985)
        a = turn * (t - begin)
        round_ = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        middle = spot.mean(0)
        out[k] = (1 - u) * old + u * (middle + (spot - middle) @ round_)
    return out


def _formation(n: int, gap: float, rng: Rng) -> Float64:
    """(N, 2) places of one formation around the origin."""
    k = np.arange(n)
    kind = int(rng.integers(7))
    if kind == 0:  # a line across
        spot = np.stack([k - (n - 1) / 2, 0.0 * k], 1)
    elif kind == 1:  # rows, one behind the other
        wide = int(np.ceil(n / rng.integers(2, 4)))
        spot = np.stack([k % wide - (wide - 1) / 2 + 0.5 * (k // wide % 2), 1.0 * (k // wide)], 1)
    elif kind == 2:  # a circle
        spot = np.stack([np.cos(2 * np.pi * k / n), np.sin(2 * np.pi * k / n)], 1) * max(n / 2 / np.pi, 0.7)
    elif kind == 3:  # a V
        side = (k + 1) // 2 * np.where(k % 2, 1, -1)
        spot = np.stack([side, 0.8 * np.abs(side)], 1)
    elif kind == 4:  # a column
        spot = np.stack([0.25 * rng.normal(size=n), 0.8 * (k - (n - 1) / 2)], 1)
    elif kind == 5:  # a dense group
        spot = rng.normal(0, 0.3 * np.sqrt(n), (n, 2))
    else:  # two groups
        spot = rng.normal(0, 0.25 * np.sqrt(n), (n, 2)) + np.outer(np.where(k % 2, 1, -1), [0.3 * n, 0])
    return gap * spot + rng.normal(0, 0.12, (n, 2))


def _steps(beat: Float64, lag: Float64, rng: Rng) -> Float64:
    """(T, N, 2) metres: steps on the beat, which everybody does at the same time, and which change every few bars."""
    frames, n = len(beat), len(lag)
    out = np.zeros((frames, n, 2))
    start = 0
    while start < frames:
        cycle = 2 * np.pi * float(rng.integers(8, 33)) / 2
        end = int(np.searchsorted(beat[:, 0], beat[start, 0] + cycle, "right"))
        part = beat[start:end] / float(rng.choice([2, 2, 4, 1])) + lag
        size = float(rng.exponential(0.25)) * np.exp(rng.normal(0, 0.2, n))
        way = rng.normal(size=2) * [1, 0.6]
        way /= np.linalg.norm(way) + 1e-9
        wave = np.sin(part) + 0.3 * np.sin(2 * part + float(rng.uniform(0, 6)))
        edge = np.minimum(1, np.minimum(np.arange(len(part)), np.arange(len(part))[::-1]) / 8)[:, None]
        out[start:end] = (np.minimum(size, 0.9) * wave * edge)[..., None] * way
        start = max(end, start + 1)
    return out


def _alone(times: Float64, n: int, rng: Rng) -> Float64:
    """(T, N, 2) metres: each dancer's own sway, and free dances of some."""
    dt, frames = float(times[1] - times[0]), len(times)
    own = np.stack([wander(frames, dt, 0.6, 0.1, rng, n) for _ in range(2)], 2)
    free = float(rng.choice([0.2, 0.6, 1.5], p=[0.5, 0.3, 0.2]))
    on = wander(frames, dt, 4.0, 1.0, rng, n) > float(rng.uniform(-0.5, 1.5))
    blend = np.empty((frames, n))
    level = np.zeros(n)
    for k in range(frames):
        level = level + (on[k] - level) * (1 - np.exp(-dt / 0.7))
        blend[k] = level
    solo = np.stack([wander(frames, dt, 1.2, free, rng, n) for _ in range(2)], 2)
    return own + blend[..., None] * solo


def _followed(target: Float64, dt: float) -> Float64:
    """(T, N, 2) places of people who follow the targets with inertia, limited speed, and elbow room."""
    x, v = target[0].copy(), np.zeros_like(target[0])
    out = np.empty_like(target)
    inner = max(1, int(np.ceil(dt / 0.04)))
    h = dt / inner
    for k in range(len(target)):
        for _ in range(inner):
            gap = x[:, None] - x[None]
            far = np.linalg.norm(gap, axis=2) + 1e-6
            np.fill_diagonal(far, 1e3)
            push = (np.clip(0.45 - far, 0, None) * 60 / far)[..., None] * gap
            force = (target[k] - x) / REACT_S**2 - 2 * v / REACT_S + push.sum(1)
            v = v + h * np.clip(force, -25, 25)
            fast = np.linalg.norm(v, axis=1, keepdims=True)
            v = v * np.minimum(1, MAX_MPS / np.maximum(fast, 1e-6))
            x = x + h * v
        out[k] = x
    return out


def _bodies(place: Float64, beat: Float64, lag: Float64, times: Float64, rng: Rng) -> ScenePeople:
    """Heights and widths: arms and legs on the beat, crouching, jumping, lying, all together or alone."""
    frames, n = place.shape[:2]
    dt = float(times[1] - times[0])
    tall = rng.normal(*HEIGHT, n)
    together = wander(frames, dt, 2.0, 1.0, rng)  # how far arms are spread: all, and each alone
    alone = wander(frames, dt, 0.5, 1.0, rng, n)
    share = float(rng.uniform(0.2, 0.9))
    half = beat / float(rng.choice([1, 2, 2])) + lag
    spread = np.clip(share * together + (1 - share) * alone + 0.5 * np.sin(half), -1.5, 2.5)
    width = rng.uniform(0.5, 0.7, n) * np.exp(float(rng.uniform(0.15, 0.4)) * spread)
    arms = np.clip(wander(frames, dt, 0.6, 0.5, rng, n) + 0.5 * together, 0, 1) * 0.22 * (rng.random() < 0.7)
    deep = float(rng.uniform(0.1, 0.5))
    down = np.clip(share * wander(frames, dt, 1.0, 1.0, rng) + (1 - share) * alone - 0.8, 0, 1) * deep
    bob = 0.03 * np.sin(beat + lag) * float(rng.uniform(0, 1.5))
    fall = np.clip(wander(frames, dt, 1.5, 1.0, rng, n) - 2.0, 0, 1) * 0.6 * (rng.random() < 0.3)
    height = tall * np.clip((1 + arms + bob) * (1 - down) * (1 - fall), 0.3, 1.3)
    width = width * (1 + 0.6 * down + 2.5 * fall)
    lift = np.clip(wander(frames, dt, 0.25, 0.25, rng, n) - 0.35, 0, 0.5) * (rng.random() < 0.4)
    return ScenePeople(place, height, np.clip(width, 0.25, 1.8), np.ones((frames, n), bool), lift)


def _camera(place: Float64, times: Float64, rng: Rng) -> MovingCamera:
    """A camera before the stage that stands, or follows the group by hand with pans and zooms."""
    frames, dt = len(times), float(times[1] - times[0])
    width, height = map(float, IMAGES[rng.integers(len(IMAGES))])
    away = float(rng.uniform(4, 13))
    above = float(rng.uniform(0.8, 2.8))
    share = float(np.exp(rng.uniform(np.log(0.18), np.log(0.6))))  # height of a dancer in heights of the image
    focal = np.full(frames, share * height * away / 1.7)
    ahead = float(place[..., 1].mean())
    pan, tilt = np.zeros(frames), np.full(frames, np.arctan((above - 0.85) / away) + float(rng.normal(0, 0.02)))
    at = np.tile([float(rng.normal(0, 1)), ahead - away, above], (frames, 1))
    middle = place.mean(1)
    if rng.random() < 0.6:
        follow = _smooth(np.arctan2(middle[:, 0] - at[:, 0], away), dt, 1.0)
        pan = follow + wander(frames, dt, 1.5, 0.03, rng)[:, 0] + wander(frames, dt, 0.25, 0.003, rng)[:, 0]
        tilt = tilt + wander(frames, dt, 1.5, 0.015, rng)[:, 0]
        focal = focal * np.exp(wander(frames, dt, 5.0, 0.12, rng)[:, 0])
        at[:, :2] += np.cumsum(wander(frames, dt, 2.0, float(rng.choice([0, 0.3])), rng, 2) * dt, 0)
    else:
        pan = pan + np.arctan2(float(middle[:, 0].mean()) - at[0, 0], away)
    return MovingCamera(width, height, focal, at, pan, tilt)


def _smooth(values: Float64, dt: float, tau: float) -> Float64:
    """(T,) the values followed with the time constant `tau`."""
    out, x = np.empty(len(values)), float(values[0])
    for k, value in enumerate(values.tolist()):
        x += (value - x) * (1 - np.exp(-dt / tau))
        out[k] = x
    return out
