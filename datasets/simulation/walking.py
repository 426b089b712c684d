"""Random streets and squares full of people: ground truth to train a tracker without recorded video.

People walk alone or in groups between doors and the edges of a place and keep clear of each other: the social force
model (Helbing & Molnar, "Social force model for pedestrian dynamics", Physical Review E 51, 1995), with the pull of
groups (Moussaid et al., PLoS ONE 5, 2010). Some stand and talk, sit, wait or run. A camera stands or is carried.
"""

from __future__ import annotations

import numpy as np

from datasets.ground_truth.tracking import TrackingSequence
from datasets.simulation.detector_noise import Rng
from datasets.simulation.people_view import IMAGES, MovingCamera, ScenePeople, film, wander
from tracker.types import Bool, Float64, Int64

PACE = 1.34, 0.26  # metres a second: mean and standard deviation of the desired speed (Helbing & Molnar)
RELAX_S = 0.5  # seconds within which a person takes the desired velocity (the same)
PUSH, REACH_M = 4.0, 0.35  # repulsion: metres a second squared at contact, and the metres over which it falls to 1/e
BODY_M = 0.5  # metres between two people in contact
BEHIND = 0.3  # share of the repulsion by people behind
MAX_SPEED = 1.4  # of the desired one
HEIGHT = 1.70, 0.09  # metres: mean and standard deviation
GROUPS = (0.5, 0.3, 0.13, 0.07)  # shares of groups of 1, 2, 3, 4
STEP_HZ = 1.8  # steps a second at normal pace
SITTING = 0.75  # height of a sitting person, in heights of the same person standing


class Walkers:
    """P people with their routes; the state is advanced by `step`."""

    def __init__(self, rng: Rng, seconds: float) -> None:
        self.rng = rng
        self.wide, self.long = float(rng.uniform(8, 30)), float(rng.uniform(12, 40))
        doors = self._edge(int(rng.integers(2, 7)))
        flow = float(np.exp(rng.uniform(np.log(0.08), np.log(1.6))))  # groups that come in a second
        come, group, place, goal, pace, stay = [], [], [], [], [], []
        still = float(rng.uniform(0, 0.35))
        count = int(rng.integers(2, 14)) + rng.poisson(flow * (seconds + 15))
        for g in range(count):
            size = 1 + int(rng.choice(4, p=GROUPS))
            start, end = doors[rng.integers(len(doors), size=2)] + rng.normal(0, 0.6, (2, 2))
            early = g < 12 and rng.random() < 0.8  # there at the beginning
            if early:
                start = self._inside()
            if rng.random() < 0.3:
                end = self._edge(1)[0]
            speed = max(0.5, float(rng.normal(*PACE))) * (float(rng.uniform(1.8, 2.6)) if rng.random() < 0.04 else 1.0)
            begin = 0.0 if early else float(rng.uniform(-15, seconds))
            stands = rng.random() < still
            if stands:
                end = self._inside()
            for _ in range(size):
                come.append(max(begin, 0.0))
                group.append(g)
                place.append(start + rng.normal(0, 0.5, 2))
                goal.append(end + rng.normal(0, 0.4, 2))
                pace.append(speed)
                stay.append(float(rng.exponential(25)) if stands else 0.0)
        self.come, self.group = np.array(come), np.array(group)
        self.x, self.goal, self.pace = np.array(place), np.array(goal), np.array(pace)
        self.stay = np.array(stay)
        self.v = np.zeros_like(self.x)
        self.present: Bool = self.come <= 0
        self.gone: Bool = np.zeros(len(self.x), bool)
        self.arrived = np.zeros(len(self.x))

    def _edge(self, n: int) -> Float64:
        """(n, 2) places on the edges."""
        x, y = self.rng.uniform(-0.5, 0.5, n) * self.wide, self.rng.uniform(0, 1, n) * self.long
        side = self.rng.integers(4, size=n)
        x = np.where(side == 0, -self.wide / 2, np.where(side == 1, self.wide / 2, x))
        y = np.where(side == 2, 0.0, np.where(side == 3, self.long, y))
        return np.stack([x, y], 1)

    def _inside(self) -> Float64:
        place: Float64 = self.rng.uniform([-0.45 * self.wide, 0.05 * self.long], [0.45 * self.wide, 0.95 * self.long])
        return place

    def step(self, time: float, dt: float) -> None:
        """Advance by `dt` seconds: forces of the goal, of others, and of the group."""
        self.present |= (self.come <= time) & ~self.gone
        row = np.flatnonzero(self.present)
        if not len(row):
            return
        x, v, rng = self.x[row], self.v[row], self.rng
        gap = self.goal[row] - x
        far = np.linalg.norm(gap, axis=1)
        near = far < 0.7
        wish = gap / np.maximum(far, 0.3)[:, None] * np.minimum(self.pace[row], far)[:, None]
        force = (wish - v) / RELAX_S + _repulsion(x, v) + _together(x, self.group[row]) + rng.normal(0, 0.5, x.shape)
        v = v + force * dt
        fast = np.linalg.norm(v, axis=1, keepdims=True)
        v = v * np.minimum(1, MAX_SPEED * self.pace[row, None] / np.maximum(fast, 1e-6))
        self.v[row], self.x[row] = v, x + v * dt
        self.arrived[row[near]] += dt
        leaves = row[near & (self.arrived[row] >= self.stay[row])]
        for one in leaves.tolist():
            if self.stay[one] > 0:  # a stand is over: go to an edge
                self.stay[one], self.goal[one] = 0.0, self._edge(1)[0]
            else:
                self.gone[one], self.present[one] = True, False


def _repulsion(x: Float64, v: Float64) -> Float64:
    """(N, 2) accelerations away from others, weaker from those behind."""
    gap = x[:, None] - x[None]
    far = np.linalg.norm(gap, axis=2) + 1e-6
    np.fill_diagonal(far, 1e3)
    ahead = v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 0.1)
    cos = -(gap * ahead[:, None]).sum(2) / far
    weight = PUSH * np.exp((BODY_M - np.maximum(far, 0.2)) / REACH_M) * (BEHIND + (1 - BEHIND) * (1 + cos) / 2)
    push: Float64 = (weight / far)[..., None] * gap
    total: Float64 = push.sum(1)
    return total


def _together(x: Float64, group: Int64) -> Float64:
    """(N, 2) accelerations towards the middle of the own group, beyond 0.8 metres."""
    n = int(group.max()) + 1
    size = np.bincount(group, minlength=n)
    middle = np.stack([np.bincount(group, x[:, c], n) for c in (0, 1)], 1) / np.maximum(size, 1)[:, None]
    gap = middle[group] - x
    far = np.linalg.norm(gap, axis=1, keepdims=True)
    pull: Float64 = np.clip(far - 0.8, 0, 2) * gap / np.maximum(far, 1e-6)
    return pull


def walk(rng: Rng, seconds: float, rate: float) -> tuple[TrackingSequence, MovingCamera]:
    """One scene of `seconds` at `rate` frames a second, at least two frames, and its camera."""
    times = np.arange(max(2, int(seconds * rate))) / rate
    crowd = Walkers(rng, seconds)
    inner = max(1, int(np.ceil(1 / rate / 0.05)))
    n, frames = len(crowd.x), len(times)
    place, speed, present = np.empty((frames, n, 2)), np.empty((frames, n, 2)), np.empty((frames, n), bool)
    for k, time in enumerate(times.tolist()):
        for j in range(inner):
            crowd.step(time + j / rate / inner, 1 / rate / inner)
        place[k], speed[k], present[k] = crowd.x, crowd.v, crowd.present
    camera = _camera(crowd, times, rng)
    people = _bodies(place, speed, present, times, rng)
    return film("crowds", times, people, camera, rng), camera


def _bodies(place: Float64, speed: Float64, present: Bool, times: Float64, rng: Rng) -> ScenePeople:
    """Heights and widths: people who walk sideways are thin and stride, those who come closer are as wide as a body."""
    frames, n = present.shape
    dt = float(times[1] - times[0])
    tall = rng.normal(*HEIGHT, n) * np.where(rng.random(n) < 0.05, 0.65, 1.0)
    fast = np.linalg.norm(speed, axis=2)
    across = np.abs(speed[..., 0]) / np.maximum(fast, 0.2)
    turned = np.abs(np.cos(wander(frames, dt, 3.0, 0.8, rng, n)))  # where people stand
    across = np.where(fast > 0.3, across, turned)
    phase = np.cumsum(2 * np.pi * STEP_HZ / 2 * dt * np.clip(fast / PACE[0], 0, 1.8), 0) + rng.uniform(0, 6, n)
    stride = 0.55 * float(rng.uniform(0.1, 1)) * np.abs(np.sin(phase)) * np.clip(fast / PACE[0], 0, 1.6) * across
    # how far boxes follow legs: detectors and annotators differ
    body = rng.uniform(0.42, 0.6, n) + 0.2 * (rng.random(n) < 0.12)  # bags and coats
    width = body * (1 - 0.4 * across) + stride + np.abs(wander(frames, dt, 0.7, 0.06, rng, n))
    height = tall * (1 + 0.015 * np.sin(2 * phase)) * (1 - 0.02 * np.abs(wander(frames, dt, 1.0, 1.0, rng, n)))
    sits = (rng.random(n) < 0.1) & (fast.mean(0) < 0.6)
    low = 1 / (1 + np.exp(-4 * (0.3 - fast) / 0.1)) * sits
    height = height * (1 - (1 - SITTING) * low)
    return ScenePeople(place, height, np.maximum(width, 0.2), present, np.zeros((frames, n)))


def _camera(crowd: Walkers, times: Float64, rng: Rng) -> MovingCamera:
    """A fixed camera on a wall, one on a tripod, or one that is carried along."""
    frames, dt = len(times), float(times[1] - times[0])
    width, height = map(float, IMAGES[rng.integers(len(IMAGES))])
    kind = rng.choice(3, p=[0.35, 0.3, 0.35])
    above = float((rng.uniform(2.5, 8), rng.uniform(1.2, 2.2), rng.uniform(1.4, 1.8))[kind])
    focal = width * float(np.exp(rng.uniform(np.log(0.6), np.log(1.5))))
    away = -float(rng.uniform(1, 8))
    look = crowd.long * float(rng.uniform(0.35, 0.8)) - away
    tilt = np.full(frames, np.arctan(max(above - 1.2, 0) / look) + rng.uniform(-0.02, 0.04))
    place = np.tile([float(rng.normal(0, 2)), away, above], (frames, 1))
    pan = np.full(frames, float(rng.normal(0, 0.1)))
    if kind == 2:  # carried: walks, stops, turns
        pace = np.clip(wander(frames, dt, 6.0, 0.6, rng)[:, 0] + rng.choice([0.0, 0.6]), -0.4, 1.5)
        pan = pan + wander(frames, dt, 5.0, 0.15, rng)[:, 0] + wander(frames, dt, 0.5, 0.008, rng)[:, 0]
        tilt = tilt + wander(frames, dt, 0.5, 0.01, rng)[:, 0]
        place = place + np.cumsum(np.stack([pace * np.sin(pan), pace * np.cos(pan), 0 * pace], 1) * dt, 0)
        place[:, 2] += 0.03 * np.sin(2 * np.pi * STEP_HZ * times)
    return MovingCamera(width, height, np.full(frames, focal), place, pan, tilt)
