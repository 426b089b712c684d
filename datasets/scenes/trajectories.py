"""Positions over time: the square in metres, the paths across it, and the camera. Pure functions of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from datasets.scenes.config import Scene
from tracker.types import Float64

Kind = Literal["person", "vehicle"]

CAMERA_HEIGHT = 4.5  # m above the square, as from an upper window
MARGIN = 0.12  # the canvas extends beyond the image by this share on each side, as room for camera motion
# Depths in metres from the camera, front to back.
NEAR, CURB, ROAD_FAR, FACADE = 11.0, 25.0, 33.8, 40.0
LANES = ((27.6, 1.0), (31.6, -1.0))  # depth, direction
SIDEWALK = (35.6, 38.6)
STEP = 0.05  # s between the samples of a path


@dataclass(frozen=True, slots=True)
class SceneView:
    """Pinhole projection from metres on the square to pixels of the canvas.

    Attributes:
        width: width of the canvas, pixels.
        height: height of the canvas, pixels.
        left: left edge of the image in the canvas when the camera is still, pixels.
        top: top edge of the image in the canvas when the camera is still, pixels.
        focal: focal length, pixels.
        horizon: row of the horizon in the canvas.
    """

    width: int
    height: int
    left: int
    top: int
    focal: float
    horizon: float

    @classmethod
    def of(cls, scene: Scene) -> SceneView:
        left, top = round(MARGIN * scene.width), round(MARGIN * scene.height)
        return cls(
            scene.width + 2 * left, scene.height + 2 * top, left, top, 0.95 * scene.width, top + 0.33 * scene.height
        )

    def project(self, x: float, z: float) -> tuple[float, float, float]:
        """A point on the ground -> (column, row, pixels per metre there)."""
        scale = self.focal / z
        return self.width / 2 + x * scale, self.horizon + CAMERA_HEIGHT * scale, scale

    def half_width(self, z: float) -> float:
        """Metres from the middle to the canvas's edge at depth z."""
        return self.width / 2 * z / self.focal


@dataclass(frozen=True, slots=True)
class Pose:
    """Position and velocity of an actor.

    Attributes:
        x: metres to the right of the middle.
        z: metres away from the camera.
        vx: velocity along x, metres per second.
        vz: velocity along z, metres per second.
        walked: distance since the start of the path, metres.
    """

    x: float
    z: float
    vx: float
    vz: float
    walked: float


@dataclass(frozen=True, eq=False, slots=True)
class Actor:
    """One person or vehicle.

    Attributes:
        id: from 1, in order of appearance.
        kind: person or vehicle.
        appearance_seed: seed of its appearance; actors with the same seed are drawn identically.
        start: time at which the path begins, seconds.
        path: (K, 2) positions (x, z) in metres, one every STEP seconds.
        walked: (K,) distance since the start, metres.
    """

    id: int
    kind: Kind
    appearance_seed: int
    start: float
    path: Float64
    walked: Float64

    def at(self, time: float) -> Pose | None:
        """Position and velocity at a time; None before the path begins and after it ends."""
        k = (time - self.start) / STEP
        if not 0 <= k < len(self.path) - 1:
            return None
        i = int(k)
        step = self.path[i + 1] - self.path[i]
        x, z = self.path[i] + (k - i) * step
        walked = self.walked[i] + (k - i) * (self.walked[i + 1] - self.walked[i])
        return Pose(float(x), float(z), float(step[0]) / STEP, float(step[1]) / STEP, float(walked))


def actors(scene: Scene) -> list[Actor]:
    """All people and vehicles that appear in the scene, in order of appearance."""
    rng = np.random.default_rng([scene.seed, 1])
    view = SceneView.of(scene)
    found: list[tuple[float, Kind, int, Float64]] = []
    uniforms = rng.integers(0, 2**31, size=2)
    for slot in range(scene.people):
        time = -float(rng.uniform(0, 18))
        while time < scene.duration:
            path = _walk(rng, view, far=slot % 5 == 4)
            alike = rng.random() < scene.lookalikes
            look = int(uniforms[rng.integers(2)]) if alike else int(rng.integers(0, 2**31))
            found.append((time, "person", look, path))
            time += len(path) * STEP + float(rng.uniform(0, 2))
    # Each vehicle has a slot in its lane, so that two vehicles never overlap in one lane.
    for slot in range(scene.vehicles):
        z, direction = LANES[slot % 2]
        reach = view.half_width(z) + 6
        speed = 7.5 if direction > 0 else 6.5
        gap = max(14.0, 2 * reach / max(1, (scene.vehicles + 1) // 2))  # m from bumper to bumper
        place = slot // 2 * gap
        line = max(1, (scene.vehicles + 1 - slot % 2) // 2) * gap
        time = -(place + float(rng.uniform(0, gap - 13))) / speed
        while time < scene.duration:
            count = int(2 * reach / speed / STEP) + 2
            x = direction * (-reach + speed * STEP * np.arange(count))
            found.append((time, "vehicle", int(rng.integers(0, 2**31)), np.column_stack([x, np.full(count, z)])))
            time += max(line, 2 * reach) / speed
    made: list[Actor] = []
    for start, kind, look, path in sorted(found, key=lambda actor: actor[0]):
        if start + len(path) * STEP <= 0:
            continue
        lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
        made.append(Actor(len(made) + 1, kind, look, start, path, np.concatenate([[0], np.cumsum(lengths)])))
    return made


def _walk(rng: np.random.Generator, view: SceneView, far: bool) -> Float64:
    """(K, 2) path in metres across the square or along the far pavement, with occasional stops."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    speed = float(rng.normal(1.3, 0.15))
    if far:
        z = float(rng.uniform(*SIDEWALK))
        ends = side * np.array([-1.0, 1.0]) * (view.half_width(z) + 1)
        points = np.column_stack([ends, [z, z]])
        stops = np.zeros(2)
    else:
        depth = rng.uniform(NEAR + 1.2, CURB - 1.5, size=4)
        depth[1:] = depth[0] + np.clip(depth[1:] - depth[0], -6, 6)  # no zigzag through the whole square
        edge = [view.half_width(depth[0]) + 1, view.half_width(depth[3]) + 1]
        inner = np.sort(rng.uniform(-0.5, 0.5, size=2)) * view.half_width(float(depth.mean()))
        x = side * np.array([-edge[0], inner[0], inner[1], edge[1]])
        if rng.random() < 0.15:  # turns round and goes back
            x[3] = -x[3]
        points = np.column_stack([x, depth])
        stops = np.where(rng.random(4) < 0.2, rng.uniform(1, 4, size=4), 0)
        stops[[0, 3]] = 0
    legs = np.linalg.norm(np.diff(points, axis=0), axis=1) / max(speed, 0.8)
    arrive = np.concatenate([[0], np.cumsum(legs + stops[:-1])])
    times = np.sort(np.concatenate([arrive, (arrive + stops)[stops > 0]]))
    places = np.repeat(points, np.where(stops > 0, 2, 1), axis=0)
    sampled = np.arange(0, times[-1], STEP)
    raw = np.column_stack([np.interp(sampled, times, places[:, k]) for k in (0, 1)])
    return _smooth(raw, 9)


def _smooth(path: Float64, reach: int) -> Float64:
    """Smooths corners and starts with a triangular mean over `reach` samples on either side."""
    kernel = np.concatenate([np.arange(1, reach + 1), np.arange(reach - 1, 0, -1)]).astype(float)
    kernel /= kernel.sum()
    slope = path[1] - path[0], path[-1] - path[-2]
    ahead = path[0] - slope[0] * np.arange(reach - 1, 0, -1)[:, None]
    behind = path[-1] + slope[1] * np.arange(1, reach)[:, None]
    longer = np.vstack([ahead, path, behind])
    return np.column_stack([np.convolve(longer[:, k], kernel, mode="valid") for k in (0, 1)])


def camera_at(scene: Scene, time: float) -> Float64:
    """The camera at a time: (2, 3) affine from pixels of the canvas to pixels of the image.

    The camera rotates and zooms about its own centre, so one affine applies to near and far objects alike.
    """
    view = SceneView.of(scene)
    phase = np.random.default_rng([scene.seed, 2]).uniform(0, 2 * np.pi, size=8)
    dx = dy = angle = 0.0
    zoom = 1.0
    if scene.camera in ("pan", "all"):
        dx += 0.7 * view.left * np.sin(2 * np.pi * time / 9 + phase[0])
        dy += 0.3 * view.top * np.sin(2 * np.pi * time / 13 + phase[1])
    if scene.camera in ("zoom", "all"):
        zoom += 0.12 * (1 + np.sin(2 * np.pi * time / 11 + phase[2])) / 2
    if scene.camera in ("shake", "all"):
        unit = 0.004 * scene.width
        dx += unit * (np.sin(2 * np.pi * 1.9 * time + phase[3]) + 0.6 * np.sin(2 * np.pi * 4.3 * time + phase[4]))
        dy += unit * (np.sin(2 * np.pi * 2.3 * time + phase[5]) + 0.6 * np.sin(2 * np.pi * 5.1 * time + phase[6]))
        angle += 0.006 * np.sin(2 * np.pi * 1.3 * time + phase[7])
    c, s = zoom * np.cos(angle), zoom * np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    middle = np.array([scene.width / 2, scene.height / 2])
    centre = np.array([view.left, view.top]) + middle + [dx, dy]
    return np.column_stack([turn, middle - turn @ centre])


def camera_motion(scene: Scene, before: float, now: float) -> Float64:
    """(2, 3) affine from the image's pixels at time `before` to those at time `now`."""
    first, second = (np.vstack([camera_at(scene, t), [0, 0, 1]]) for t in (before, now))
    motion: Float64 = (second @ np.linalg.inv(first))[:2]
    return motion
