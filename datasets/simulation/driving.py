"""Random street scenes seen from a car: ground truth to test and train a tracker without recorded video.

A pinhole camera is mounted in a car that follows a winding path, brakes, waits and turns at crossings. Cars are parked
beside the path; other cars come towards it, drive ahead, or overtake; people walk, cross and cycle. Every object is a
block on level ground. Its box is the projection of the block, clipped at the image's edges, as in KITTI and nuScenes.
`liquidtrack simulate driving` writes the scenes as folders.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from datasets.ground_truth.tracking import BoxTable, TrackingSequence, last_seen
from datasets.simulation.detector_noise import Rng
from datasets.simulation.people_view import visible_share
from tracker.types import Float64, Int64

NEAR, FAR = 1.0, 80.0  # metres: a nearer object is not completely in the image, a farther one is not labelled
MIN_HEIGHT_PX = 14.0  # pixels, lowest height of a box
MIN_INSIDE_SHARE = 0.2  # smallest share of a box inside the image
MIN_VISIBLE_SHARE = 0.08  # smallest share of the part inside the image that no nearer object occludes
Size = tuple[float, float, float]  # metres: length, width, height
CAR, VAN, TRUCK = (4.2, 1.75, 1.5), (5.2, 2.0, 2.2), (8.0, 2.5, 3.2)
PERSON, CYCLIST = (0.5, 0.6, 1.73), (1.75, 0.6, 1.75)


class Camera(NamedTuple):
    """Focal length in pixels, size of the image, height above the ground in metres, row of the horizon."""

    focal: float
    width: float
    height: float
    above: float
    horizon: float


class RoadObjects(NamedTuple):
    """N blocks: sizes (N, 3) metres, and at T times positions (T, N, 2) metres and headings (T, N) radians."""

    size: Float64
    place: Float64
    heading: Float64


def drive(rng: Rng, seconds: float = 40.0, rate: float = 10.0) -> tuple[TrackingSequence, Camera]:
    """One drive of `seconds` at `rate` frames a second, at least two frames, and its camera."""
    times = np.arange(int(seconds * rate)) / rate
    focal, height, above = rng.uniform([500, 375, 1.3], [1100, 720, 1.9]).tolist()
    camera = Camera(focal, 1242.0, height, above, height * float(rng.uniform(0.42, 0.52)))
    path, along = _path(times, rng)
    objects = _objects(times, path, along, rng)
    at, heading = _on(path, along)
    pitch = _wander(len(times), 1 / rate, 0.5, 0.003, rng)
    rows, number, boxes, seen = [0], [], [], []
    for k in range(len(times)):
        found, xyxy, share = look(objects, k, at[k], float(heading[k]), float(pitch[k]), camera)
        rows.append(rows[-1] + len(found))
        number.append(found + 1)
        boxes.append(xyxy)
        seen.append(share)
    truth = BoxTable(np.array(rows), np.concatenate(number), np.concatenate(boxes), np.concatenate(seen))
    return TrackingSequence("drives", "drive", times, truth, None, {}, last_seen(truth, times)), camera


def _path(times: Float64, rng: Rng) -> tuple[Float64, Float64]:
    """(P, 3) east, north, heading of a path at every metre from 100 m behind the start, and (T,) metres driven."""
    dt = float(times[1] - times[0])
    wish, until, speed = 0.0, -1.0, float(rng.uniform(0, 14))
    along, at = np.zeros(len(times)), 0.0
    for k, t in enumerate(times.tolist()):
        if t >= until:  # a new target speed every few seconds: wait, creep, or drive on
            wish = float(rng.choice([0.0, rng.uniform(3, 8), rng.uniform(8, 16)], p=[0.15, 0.35, 0.5]))
            until = t + float(rng.uniform(3, 12))
        speed = max(0.0, speed + float(np.clip(wish - speed, -3.5 * dt, 2.0 * dt)))
        at += speed * dt
        along[k] = at
    metres = int(at) + 300
    bend = _wander(metres, 1.0, 60.0, 0.006, rng)
    for start in np.cumsum(rng.exponential(120, 12)).astype(int):  # crossings: a quarter turn within some 15 m
        if start < metres - 20 and rng.random() < 0.5:
            bend[start : start + 16] += rng.choice([-1, 1]) * np.pi / 2 / 16
    heading = np.cumsum(bend) - bend[:100].sum()
    east, north = np.cumsum(np.sin(heading)), np.cumsum(np.cos(heading))
    return np.stack([east, north, heading], 1), along + 100


def _on(path: Float64, along: Float64) -> tuple[Float64, Float64]:
    """(..., 2) positions and (...) headings of the path at `along` metres."""
    metre = np.arange(len(path))
    at = np.stack([np.interp(along, metre, path[:, c]) for c in range(3)], -1)
    return at[..., :2], at[..., 2]


def _wander(n: int, dt: float, memory: float, spread: float, rng: Rng) -> Float64:
    """(n,) samples of an Ornstein-Uhlenbeck process, `dt` seconds apart."""
    keep = np.exp(-dt / memory)
    out, x = np.empty(n), spread * rng.normal()
    for k in range(n):
        x = keep * x + spread * np.sqrt(1 - keep**2) * rng.normal()
        out[k] = x
    return out


def _objects(times: Float64, path: Float64, along: Float64, rng: Rng) -> RoadObjects:
    """All objects on and beside the path."""
    street = _Street(times, along, rng)
    for side in (-1, 1):
        kerb = float(rng.uniform(4.0, 6.5))
        street.park(side, kerb)
        street.walk(side, kerb)
    street.drive()
    s, right, turn = (np.stack(column, 1) for column in zip(*street.track, strict=True))
    at, heading = _on(path, s)
    place = at + right[..., None] * np.stack([np.cos(heading), -np.sin(heading)], -1)
    return RoadObjects(np.array(street.size), place, heading + turn)


class _Street:
    """Blocks relative to the path: sizes, and at T times metres along it, metres to its right, and a turn."""

    def __init__(self, times: Float64, along: Float64, rng: Rng) -> None:
        self.times, self.along, self.rng = times, along, rng
        self.begin, self.end = float(along[0]) - 10, float(along[-1]) + 90
        self.size: list[Size] = []
        self.track: list[tuple[Float64, Float64, Float64]] = []

    def _add(self, size: Size, along: Float64 | float, right: Float64 | float, turn: float = 0.0) -> None:
        ones = np.ones(len(self.times))
        self.size.append(size)
        self.track.append((ones * along, ones * right, ones * turn))

    def _sway(self, memory: float, spread: float) -> Float64:
        return _wander(len(self.times), float(self.times[1] - self.times[0]), memory, spread, self.rng)

    def park(self, side: int, kerb: float) -> None:
        """Cars along the kerb, with gaps where gates and side streets are."""
        rng, s = self.rng, self.begin
        across = rng.random() < 0.15
        while s < self.end:
            if rng.random() < 0.3:
                s += float(rng.exponential(40))
            size = _vehicle(rng)
            s += size[1] + 0.8 if across else size[0] + float(rng.uniform(0.6, 2.0))
            right = side * (kerb + (size[0] / 2 if across else 0) + 0.2 * rng.normal())
            self._add(size, s, right, np.pi / 2 if across else float(rng.choice([0, np.pi])) + 0.03 * rng.normal())

    def walk(self, side: int, kerb: float) -> None:
        """People on the pavement, alone or in company; some stand, some cross the street."""
        rng, times = self.rng, self.times
        starts = self.begin - 30 + np.cumsum(rng.exponential(1 / rng.uniform(0.002, 0.06), 200))
        for s in starts[starts < self.end + 60].tolist():
            pace = float(rng.choice([-1, 1]) * rng.uniform(0.8, 1.8)) if rng.random() < 0.8 else 0.0
            along = s + pace * times + self._sway(3.0, 0.3)
            right = side * rng.uniform(kerb + 1.5, kerb + 5) + self._sway(3.0, 0.2)
            if rng.random() < 0.12:
                begin = float(rng.uniform(0, times[-1]))
                along, right = s + 0 * times, side * (kerb - np.clip((times - begin) * 1.4, 0, 2 * kerb))
            self._add(PERSON, along, right)
            if rng.random() < 0.35:
                self._add(PERSON, along + 0.2 * rng.normal(), right + rng.choice([-0.7, 0.7]))

    def drive(self) -> None:
        """Traffic: towards us, a queue ahead that keeps its distance, the next lane, cyclists; cars in side streets."""
        rng, times = self.rng, self.times
        speed = float(rng.uniform(4, 14))
        towards = self.begin + np.cumsum(rng.exponential(1 / rng.uniform(0.004, 0.04), 300))
        for s in towards[towards < self.end + speed * times[-1]].tolist():
            self._add(_vehicle(rng), s - speed * rng.normal(1, 0.05) * times, -3.2 + 0.2 * rng.normal(), np.pi)
        ahead = 0.0
        for _ in range(int(rng.integers(0, 5))):
            ahead += float(rng.uniform(8, 30))
            gap = np.maximum(6, ahead + self._sway(6.0, 3.0))
            self._add(_vehicle(rng), self.along + gap, 0.2 * rng.normal())
        for _ in range(int(rng.integers(0, 4))):
            s = self.along[0] + rng.uniform(-30, 60) + rng.uniform(2, 17) * times
            self._add(_vehicle(rng), s, float(rng.choice([3.3, -3.2])))
        for _ in range(int(rng.integers(0, 7))):
            pace = float(rng.choice([-1, 1]) * rng.uniform(2.5, 6.5))
            right = float(rng.choice([-1, 1]) * rng.uniform(2, 3.5))
            self._add(CYCLIST, rng.uniform(self.begin, self.end) + pace * times, right)
        for _ in range(int(rng.integers(0, 25))):
            right = float(rng.choice([-1, 1]) * rng.uniform(9, 30))
            self._add(_vehicle(rng), rng.uniform(self.begin, self.end), right, float(rng.uniform(0, 6)))


def _vehicle(rng: Rng) -> Size:
    kind = (CAR, VAN, TRUCK)[int(rng.choice(3, p=[0.8, 0.14, 0.06]))]
    long, wide, high = (float(m * np.exp(rng.normal(0, 0.06))) for m in kind)
    return long, wide, high


def look(
    objects: RoadObjects, k: int, at: Float64, heading: float, pitch: float, camera: Camera
) -> tuple[Int64, Float64, Float64]:
    """Rows (M,), boxes (M, 4) and visible shares (M,) of the objects in the camera's view at time step k."""
    ahead = np.array([np.sin(heading), np.cos(heading)])
    side = np.array([ahead[1], -ahead[0]])
    turn = objects.heading[k]
    long = np.stack([np.sin(turn), np.cos(turn)], -1) * objects.size[:, :1] / 2
    wide = np.stack([np.cos(turn), -np.sin(turn)], -1) * objects.size[:, 1:2] / 2
    middle = objects.place[k] - at
    corners = np.stack([middle + a * long + b * wide for a in (-1, 1) for b in (-1, 1)], 1)  # (N, 4, 2)
    depth, right = corners @ ahead, corners @ side
    good = (depth.min(1) > NEAR) & (middle @ ahead < FAR)
    rows = np.flatnonzero(good)
    depth, right, high = depth[good], right[good], objects.size[good, 2]
    scale = camera.focal / depth
    u = camera.width / 2 + right * scale
    level = camera.horizon + camera.focal * pitch
    top, foot = level + (camera.above - high[:, None]) * scale, level + camera.above * scale
    whole = np.stack([u.min(1), top.min(1), u.max(1), foot.max(1)], 1)
    edge = np.array([camera.width, camera.height] * 2)
    xyxy = np.clip(whole, 0, edge)
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(1)
    inside = area / (whole[:, 2:] - whole[:, :2]).prod(1)
    width, height = (xyxy[:, 2:] - xyxy[:, :2]).T
    good = (inside > MIN_INSIDE_SHARE) & (height > MIN_HEIGHT_PX) & (width > MIN_HEIGHT_PX / 4)
    rows, xyxy, near = rows[good], xyxy[good], depth[good].min(1)
    seen = visible_share(xyxy, near, body_share=1.0)
    good = seen > MIN_VISIBLE_SHARE
    return rows[good], xyxy[good], seen[good]
