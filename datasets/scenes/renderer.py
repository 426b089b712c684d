"""Renders a scene to images with ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.scenes.background import SceneBackdrop, build_stage
from datasets.scenes.compositing import add_shadow, clip, darken, paste, to_pixels, vignette
from datasets.scenes.config import Scene
from datasets.scenes.pedestrians import draw_person, outfit_of
from datasets.scenes.sprites import Sprite, blurred
from datasets.scenes.trajectories import Actor, SceneView, actors, camera_at, camera_motion
from datasets.scenes.vehicles import draw_vehicle
from datasets.subsampling.sequences import thin_indices
from tracker.types import Bool, Float32, Float64, Frame, Int64, UInt8

NAMES = ("person", "car")  # names of labels 0 and 1; vans and buses count as cars
SOLID = 0.5  # alpha above which a pixel belongs to the object
WARPS = 5  # images of a moving camera that are averaged over an exposure
MIN_VISIBLE_PX = 12  # smallest number of visible pixels of an object in the ground truth


@dataclass(frozen=True, eq=False, slots=True)
class FrameTruth:
    """Ground truth of one frame: N objects with at least `MIN_VISIBLE_PX` visible pixels.

    Attributes:
        id: (N,) int64, from 1.
        xyxy: (N, 4) float32, pixels: box of the whole object, including parts that are occluded or outside the image.
        label: (N,) int64, an index into `NAMES`.
        visibility: (N,) float32, visible share of the whole object's pixels.
        mask: (N, H, W) bool, visible pixels.
        motion: (2, 3) float64, affine from the previous frame's pixels to this frame's; identity in the first frame.
    """

    id: Int64
    xyxy: Float32
    label: Int64
    visibility: Float32
    mask: Bool
    motion: Float64


@dataclass(frozen=True, eq=False, slots=True)
class DrawnActor:
    """An actor on the canvas.

    Attributes:
        actor: the person or vehicle.
        depth: distance from the camera, metres.
        sprite: its image without motion blur.
        smear: motion to the right and down during the exposure, pixels.
    """

    actor: Actor
    depth: float
    sprite: Sprite
    smear: tuple[float, float]


def frame_times(scene: Scene) -> Float64:
    """Times in seconds of the frames that the scene's profile keeps; the first is 0."""
    n = max(1, round(scene.duration * scene.rate))
    return thin_indices(n, scene.rate, scene.profile, scene.name, scene.seed) / scene.rate


def render(scene: Scene) -> Iterator[tuple[Frame, FrameTruth]]:
    """All frames of the scene in order, each with its ground truth."""
    renderer = Renderer(scene)
    before = 0.0
    for index, time in enumerate(frame_times(scene).tolist()):
        bgr, truth = renderer.at(time, before)
        yield Frame(bgr, index, time), truth
        before = time


class Renderer:
    """Draws the scene at any time."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._view = SceneView.of(scene)
        self._actors = actors(scene)
        self._outfits = {actor.id: outfit_of(actor.appearance_seed) for actor in self._actors if actor.kind == "person"}
        self._stage: SceneBackdrop = build_stage(scene)
        self._lens = vignette(scene.width, scene.height)
        rng = np.random.default_rng([scene.seed, 4])
        grain = rng.standard_normal((scene.height + 64, scene.width + 64, 3), dtype=np.float32)
        self._grain: Float32 = grain * np.float32(scene.noise)

    def at(self, time: float, before: float | None = None) -> tuple[UInt8, FrameTruth]:
        """(image, ground truth) at a time; `before` is the time of the frame from which camera motion is measured."""
        scene = self._scene
        seen = [drawn for actor in self._actors if (drawn := self._draw(actor, time)) is not None]
        seen.sort(key=lambda drawn: -drawn.depth)  # farthest first
        canvas = self._stage.background.copy()
        if scene.shadows:
            shade = np.zeros(canvas.shape[:2], np.float32)
            for drawn in seen:
                add_shadow(shade, drawn.sprite)
            darken(canvas[self._stage.ground :], shade[self._stage.ground :])
        owner = np.zeros(canvas.shape[:2], np.int64)
        fixtures = list(self._stage.fixtures)
        for drawn in seen:
            while fixtures and fixtures[0].depth >= drawn.depth:
                self._put(canvas, owner, fixtures.pop(0).sprite, 0)
            self._put(canvas, owner, drawn.sprite, drawn.actor.id, blurred(drawn.sprite, *drawn.smear))
        for fixture in fixtures:
            self._put(canvas, owner, fixture.sprite, 0)
        picture = self._develop(canvas, time)
        pose = camera_at(scene, time)
        motion = camera_motion(scene, time if before is None else before, time)
        return picture, self._truth(owner, seen, pose, motion)

    def _draw(self, actor: Actor, time: float) -> DrawnActor | None:
        """The actor at a time, or None if it is not in the scene."""
        pose = actor.at(time)
        if pose is None:
            return None
        column, row, scale = self._view.project(pose.x, pose.z)
        if abs(pose.x) > self._view.half_width(pose.z) + 7:
            return None
        half = self._scene.exposure / 2
        ends = [self._view.project(pose.x + s * half * pose.vx, pose.z + s * half * pose.vz) for s in (-1, 1)]
        smear = (ends[1][0] - ends[0][0], ends[1][1] - ends[0][1])
        if actor.kind == "person":
            sprite = draw_person(self._outfits[actor.id], pose, column, row, scale)
        else:
            sprite = draw_vehicle(actor.appearance_seed, pose, column, row, scale)
        return DrawnActor(actor, pose.z, sprite, smear)

    @staticmethod
    def _put(canvas: Float32, owner: Int64, sprite: Sprite, number: int, shown: Sprite | None = None) -> None:
        paste(canvas, sprite if shown is None else shown)
        _, part, there = clip((sprite.top, sprite.left, *sprite.alpha.shape), owner.shape)
        if part is not None and there is not None:
            owner[there][sprite.alpha[part] > SOLID] = number

    def _develop(self, canvas: Float32, time: float) -> UInt8:
        """The camera image of the canvas, with the camera's pose, motion blur, vignetting and noise."""
        scene = self._scene
        size = (scene.width, scene.height)
        if scene.camera == "still":
            left, top = self._view.left, self._view.top
            picture = canvas[top : top + scene.height, left : left + scene.width] * self._lens
        else:
            count = WARPS if scene.exposure > 0 else 1
            moments = time + scene.exposure * (np.arange(count) + 0.5 - count / 2) / count
            picture = np.zeros((scene.height, scene.width, 3), np.float32)
            for moment in moments.tolist():
                picture += cv2.warpAffine(canvas, camera_at(scene, moment), size, flags=cv2.INTER_LINEAR)
            picture *= self._lens / count
        if scene.noise:
            roll = np.random.default_rng([scene.seed, 5, round(time * 1e6)]).integers(0, 65, size=2)
            picture += self._grain[roll[0] : roll[0] + scene.height, roll[1] : roll[1] + scene.width]
        return to_pixels(picture)

    def _truth(self, owner: Int64, seen: list[DrawnActor], pose: Float64, motion: Float64) -> FrameTruth:
        scene = self._scene
        size = (scene.width, scene.height)
        still = scene.camera == "still"
        if still:
            left, top = self._view.left, self._view.top
            owner = owner[top : top + scene.height, left : left + scene.width]
        else:
            owner = cv2.warpAffine(owner.astype(np.float32), pose, size, flags=cv2.INTER_NEAREST).astype(np.int64)
        rows = []
        for drawn in sorted(seen, key=lambda drawn: drawn.actor.id):
            mask = owner == drawn.actor.id
            visible = int(np.count_nonzero(mask))
            if visible < MIN_VISIBLE_PX:
                continue
            box, whole = _extent(drawn.sprite, pose)
            rows.append((drawn.actor, box, min(1.0, visible / max(whole, 1)), mask))
        n = len(rows)
        return FrameTruth(
            np.array([r[0].id for r in rows], np.int64),
            np.array([r[1] for r in rows], np.float32).reshape(n, 4),
            np.array([r[0].kind == "vehicle" for r in rows], np.int64),
            np.array([r[2] for r in rows], np.float32),
            np.array([r[3] for r in rows], bool).reshape(n, scene.height, scene.width),
            motion,
        )


def _extent(sprite: Sprite, pose: Float64) -> tuple[list[float], int]:
    """(left, top, right, bottom) of the whole sprite in the image, and the number of pixels that it covers."""
    h, w = sprite.alpha.shape
    start = np.array([sprite.left, sprite.top], float)
    corners = start + np.array([[0, 0], [w, 0], [w, h], [0, h]])
    there = corners @ pose[:, :2].T + pose[:, 2]
    low = np.floor(there.min(axis=0)).astype(int) - 1
    high = np.ceil(there.max(axis=0)).astype(int) + 1
    local = pose.copy()
    local[:, 2] = pose[:, :2] @ start + pose[:, 2] - low
    patch = cv2.warpAffine(sprite.alpha, local, tuple((high - low).tolist()), flags=cv2.INTER_LINEAR)
    solid = patch > SOLID
    columns, rows = np.flatnonzero(solid.any(axis=0)), np.flatnonzero(solid.any(axis=1))
    first, last = np.array([columns[0], rows[0]]), np.array([columns[-1], rows[-1]]) + 1
    return [*(low + first).tolist(), *(low + last).tolist()], int(np.count_nonzero(solid))
