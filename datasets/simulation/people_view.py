"""People on level ground as a moving camera sees them: boxes, visible shares and the image's motion.

The camera is a pinhole (Hartley & Zisserman, Multiple View Geometry, chapter 6) that stands or walks, pans, tilts,
zooms and shakes. A person is an upright rectangle on the ground that faces the camera. Its box is the projection, cut
at the image's edges. A nearer person occludes a farther one (painter's order).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.ground_truth.tracking import BoxTable, TrackingSequence, last_seen
from datasets.simulation.detector_noise import Rng
from tracker.types import Bool, Float64

NEAR_M = 0.8  # metres: nearer people are not in the image
MIN_HEIGHT_PX = 12.0  # lowest height of a box
MIN_INSIDE_SHARE = 0.15  # smallest share of a box inside the image
MAX_BOX_SHARE = 1.6  # largest height of a box, in heights of the image
GRID = 8  # sampling points along each side of a box, for the occluded share
BODY_SHARE = 0.75  # width of the part of a box that occludes others: a body does not fill its box
IMAGES = ((640, 480), (960, 540), (1280, 720), (1280, 720), (1920, 1080), (1920, 1080))  # pixels: common sizes of video
MARKS = np.array([(x, y) for x in np.linspace(0.05, 0.95, 7) for y in np.linspace(0.05, 0.95, 5)])  # shares of it
MOTION_NOISE = 0.002  # error of the measured motion at a mark, in widths of the image: about 2 pixels
MOVES_PX = 0.3  # mean motion of the marks below which a frame counts as unmoved


@dataclass(frozen=True, eq=False, slots=True)
class ScenePeople:
    """N people at T times.

    Attributes:
        place: (T, N, 2) metres to the right and ahead on the ground.
        height: (T, N) metres.
        width: (T, N) metres, limbs included.
        present: (T, N) whether a person is there.
        lift: (T, N) metres between the ground and the feet.
    """

    place: Float64
    height: Float64
    width: Float64
    present: Bool
    lift: Float64


@dataclass(frozen=True, eq=False, slots=True)
class MovingCamera:
    """A camera at T times.

    Attributes:
        width, height: size of the image, pixels.
        focal: (T,) focal length, pixels.
        place: (T, 3) metres to the right, ahead, and above the ground.
        pan: (T,) radians to the right.
        tilt: (T,) radians down.
    """

    width: float
    height: float
    focal: Float64
    place: Float64
    pan: Float64
    tilt: Float64

    def project(self, k: int, point: Float64) -> tuple[Float64, Float64]:
        """(..., 2) pixels and (...) depths in metres of the points (..., 3) at time step k."""
        right, ahead, up = np.moveaxis(point - self.place[k], -1, 0)
        sin, cos = np.sin(self.pan[k]), np.cos(self.pan[k])
        side, level = right * cos - ahead * sin, right * sin + ahead * cos
        sin, cos = np.sin(self.tilt[k]), np.cos(self.tilt[k])
        depth, down = level * cos - up * sin, -level * sin - up * cos
        safe = np.where(depth > NEAR_M / 2, depth, np.inf)
        pixel = np.stack([side / safe, down / safe], -1) * self.focal[k] + [self.width / 2, self.height / 2]
        return pixel, depth

    def motion(self, k: int, rng: Rng) -> Float64:
        """(2, 3) the affine from the pixels of time step k - 1 to those of k, as measured on the background."""
        before = MARKS * [self.width, self.height]
        x, y = ((before - [self.width / 2, self.height / 2]) / self.focal[k - 1]).T
        sin, cos = np.sin(self.tilt[k - 1]), np.cos(self.tilt[k - 1])
        level, up = cos - y * sin, -sin - y * cos
        far = np.where(up < -0.02, self.place[k - 1, 2] / np.maximum(-up, 0.02), 40.0)  # the ground, or far away
        sin, cos = np.sin(self.pan[k - 1]), np.cos(self.pan[k - 1])
        ray = np.stack([x * cos + level * sin, -x * sin + level * cos, up], -1)
        after, depth = self.project(k, self.place[k - 1] + np.minimum(far, 40.0)[:, None] * ray)
        good = depth > NEAR_M
        if good.sum() < 8 or abs(after - before)[good].mean() < MOVES_PX:
            return np.eye(2, 3)
        after = after + MOTION_NOISE * self.width * rng.normal(size=after.shape) * rng.uniform(0, 0.5)
        a, b = before[good], after[good]
        ones, zero = np.ones(len(a)), np.zeros(len(a))
        # shift, rotation and zoom: x' = p x - q y + s, y' = q x + p y + t
        rows = [np.stack([a[:, 0], -a[:, 1], ones, zero], 1), np.stack([a[:, 1], a[:, 0], zero, ones], 1)]
        p, q, s, t = np.linalg.lstsq(np.concatenate(rows), b.T.reshape(-1), rcond=None)[0]
        return np.array([[p, -q, s], [q, p, t]])


def wander(steps: int, dt: float, memory: float, spread: float, rng: Rng, columns: int = 1) -> Float64:
    """(steps, columns) samples of Ornstein-Uhlenbeck processes, `dt` seconds apart, standard deviation `spread`."""
    keep = np.exp(-dt / memory)
    kick = spread * np.sqrt(1 - keep**2) * rng.normal(size=(steps, columns))
    out, x = np.empty((steps, columns)), spread * rng.normal(size=columns)
    for k in range(steps):
        x = keep * x + kick[k]
        out[k] = x
    return out


def film(home: str, times: Float64, people: ScenePeople, camera: MovingCamera, rng: Rng) -> TrackingSequence:
    """Ground truth of a scene; in half of the scenes people have no box while they are hidden."""
    least = float(rng.choice([-1.0, 0.1]))
    moves = len(times) > 1 and any(
        np.ptp(c, axis=0).max() > 0 for c in (camera.focal, camera.place, camera.pan, camera.tilt)
    )
    rows, number, boxes, seen = [0], [], [], []
    warps: dict[int, Float64] = {}
    for k in range(len(times)):
        found, xyxy, near = _boxes(people, camera, k)
        share = visible_share(xyxy, near)
        good = share > least
        rows.append(rows[-1] + int(good.sum()))
        number.append(found[good] + 1)
        boxes.append(xyxy[good])
        seen.append(share[good])
        if moves and k:
            warps[k] = camera.motion(k, rng)
    truth = BoxTable(np.array(rows), np.concatenate(number), np.concatenate(boxes), np.concatenate(seen))
    return TrackingSequence(home, home, times, truth, None, warps, last_seen(truth, times))


def _boxes(people: ScenePeople, camera: MovingCamera, k: int) -> tuple[np.ndarray, Float64, Float64]:
    """Indices (M,), boxes (M, 4) and depths (M,) of the people in the image at time step k."""
    row = np.flatnonzero(people.present[k])
    foot = np.concatenate([people.place[k, row], people.lift[k, row, None]], 1)
    head = foot + people.height[k, row, None] * [0, 0, 1]
    (low, depth), (high, above) = camera.project(k, foot), camera.project(k, head)
    half = camera.focal[k] * people.width[k, row] / np.maximum(depth, NEAR_M) / 2
    middle = (low[:, 0] + high[:, 0]) / 2
    whole = np.stack([middle - half, high[:, 1], middle + half, low[:, 1]], 1)
    xyxy = np.clip(whole, 0, [camera.width, camera.height] * 2)
    width, height = (xyxy[:, 2:] - xyxy[:, :2]).T
    tall = whole[:, 3] - whole[:, 1]
    good = (np.minimum(depth, above) > NEAR_M) & (height > MIN_HEIGHT_PX) & (width > MIN_HEIGHT_PX / 4)
    good &= (width * height > MIN_INSIDE_SHARE * 2 * half * tall) & (tall < MAX_BOX_SHARE * camera.height)
    return row[good], xyxy[good], depth[good]


def visible_share(xyxy: Float64, near: Float64, body_share: float = BODY_SHARE) -> Float64:
    """(M,) share of each box (M, 4) that no body at a smaller depth (M,) occludes; a body is a part of its box."""
    steps = (np.arange(GRID) + 0.5) / GRID
    size = xyxy[:, 2:] - xyxy[:, :2]
    x = xyxy[:, :1] + size[:, :1] * steps
    y = xyxy[:, 1:2] + size[:, 1:] * steps
    slim = (1 - body_share) / 2 * size[:, 0]
    before: Bool = near[None, :] < near[:, None]
    in_x = (x[:, None] > (xyxy[:, 0] + slim)[None, :, None]) & (x[:, None] < (xyxy[:, 2] - slim)[None, :, None])
    in_y = (y[:, None] > xyxy[None, :, 1:2]) & (y[:, None] < xyxy[None, :, 3:])
    in_x &= before[:, :, None]
    hidden = np.einsum("ijx,ijy->ixy", in_x.astype(np.float32), in_y.astype(np.float32)) > 0
    share: Float64 = 1 - hidden.mean(axis=(1, 2))
    return share
