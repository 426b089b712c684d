"""The static background: the ground, painted from above and projected into perspective, and everything built on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from datasets.scenes.buildings import clouds, houses, sky
from datasets.scenes.compositing import add_shadow, darken
from datasets.scenes.config import Scene
from datasets.scenes.sprites import Colour
from datasets.scenes.street_furniture import Fixture, fixtures
from datasets.scenes.trajectories import CURB, FACADE, NEAR, ROAD_FAR, SceneView
from tracker.types import Float32

TEXELS = 24  # texels per metre of the ground's texture


@dataclass(frozen=True, eq=False, slots=True)
class SceneBackdrop:
    """The scene without its actors.

    Attributes:
        background: (H, W, 3) float32 canvas, with the shadows of static objects.
        fixtures: static objects that occlude, from far to near.
        ground: first row of the canvas on which shadows can fall.
    """

    background: Float32
    fixtures: tuple[Fixture, ...]
    ground: int


def build_stage(scene: Scene) -> SceneBackdrop:
    """Paints everything static, once per scene."""
    view = SceneView.of(scene)
    rng = np.random.default_rng([scene.seed, 3])
    standing = sorted(fixtures(scene, view, rng), key=lambda f: -f.depth)
    canvas = sky(view, rng)
    _ground(canvas, view, rng)
    houses(canvas, view, rng)
    foot = int(view.project(0, FACADE)[1])
    if scene.shadows:
        shade = np.zeros(canvas.shape[:2], np.float32)
        for fixture in standing:
            add_shadow(shade, fixture.sprite, softness=1.6)
        darken(canvas[foot:], shade[foot:])
    return SceneBackdrop(canvas, tuple(standing), foot)


def _ground(canvas: Float32, view: SceneView, rng: np.random.Generator) -> None:
    """The square, kerb, road and far pavement: painted from above, then projected into perspective."""
    near = 0.8 * NEAR
    half = view.half_width(FACADE) + 2
    width, height = round(2 * half * TEXELS), round((FACADE - near) * TEXELS)
    flat = np.zeros((height, width, 3), np.float32)

    def row(z: float) -> int:
        return round(min(max((FACADE - z) * TEXELS, 0), height))

    square, pavement, road = slice(row(CURB), height), slice(0, row(ROAD_FAR)), slice(row(ROAD_FAR), row(CURB))
    flat[square] = _paving(rng, height - row(CURB), width, 0.7, (168, 182, 192), 7)
    flat[pavement] = _paving(rng, row(ROAD_FAR), width, 0.75, (160, 170, 178), 5)
    asphalt = np.array([104, 102, 102], np.float32)
    flat[road] = asphalt + rng.normal(0, 5, (row(CURB) - row(ROAD_FAR), width, 1)).astype(np.float32)
    for z, deep in ((CURB, 0.28), (ROAD_FAR + 0.28, 0.28)):
        flat[row(z) - 1 : row(z - deep), :] = (186, 196, 202)
        flat[row(z - deep if z == CURB else z) - 2 : row(z - deep if z == CURB else z) + 1, :] *= 0.7
    middle = (CURB + ROAD_FAR) / 2
    for x in range(0, width, round(4.0 * TEXELS)):
        flat[row(middle + 0.07) : row(middle - 0.07), x : x + round(2.2 * TEXELS)] = (214, 220, 222)
    crossing = width // 2 + round(rng.uniform(-4, 4) * TEXELS)
    for k in range(7):
        x = crossing + round((k - 3.5) * 0.95 * TEXELS)
        flat[row(ROAD_FAR - 0.35) : row(CURB + 0.35), x : x + round(0.5 * TEXELS)] = (216, 222, 224)
    _ornament(flat, width // 2 + round(rng.uniform(-2, 2) * TEXELS), row(0.5 * (CURB + NEAR) + 0.8))
    flat *= 1 + 0.035 * clouds(rng, height, width, (5, 11, 37))[..., None]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    places = [view.project(x, z)[:2] for x, z in ((-half, FACADE), (half, FACADE), (half, near), (-half, near))]
    lay = cv2.getPerspectiveTransform(corners, np.array(places, np.float32))
    # Four pixels are averaged into one, so that the joints of distant slabs do not flicker.
    finer = np.diag([2.0, 2.0, 1.0]) @ lay
    laid = cv2.warpPerspective(flat, finer, (2 * view.width, 2 * view.height), flags=cv2.INTER_AREA)
    laid = cv2.resize(laid, (view.width, view.height), interpolation=cv2.INTER_AREA)
    foot = int(view.project(0, FACADE)[1])
    haze = np.linspace(0.16, 0, view.height - foot, dtype=np.float32)[:, None, None]
    canvas[foot:] = laid[foot:] * (1 - haze) + haze * np.array([226, 222, 214], np.float32)


def _paving(rng: np.random.Generator, height: int, width: int, slab: float, colour: Colour, spread: float) -> Float32:
    """Slabs of `slab` metres with individual tones and joints between them; every other row is shifted by half."""
    step = round(slab * TEXELS)
    tones = rng.normal(0, spread, (height // step + 2, width // step + 3)).astype(np.float32)
    ys, xs = np.arange(height), np.arange(width)
    rows = ys // step
    shifted = xs[None] + (rows[:, None] % 2) * (step // 2)
    tone = tones[rows[:, None], shifted // step]
    joint = (ys[:, None] % step < 2) | (shifted % step < 2)
    out: Float32 = np.asarray(colour, np.float32) + tone[..., None] * np.array([0.8, 1.0, 1.1], np.float32)
    out[joint] *= 0.86
    return out


def _ornament(flat: Float32, x: int, y: int) -> None:
    """A rosette of darker stone in the middle of the square."""
    layer = np.zeros(flat.shape[:2], np.uint8)
    for radius, ring in ((4.6, 0.32), (3.5, 0.16), (1.2, 0.2)):
        cv2.circle(layer, (x, y), round(radius * TEXELS), 255, round(ring * TEXELS), cv2.LINE_AA)
    for k in range(16):
        a, b = 2 * np.pi * (k - 0.5) / 16, 2 * np.pi * (k + 0.5) / 16
        tip = (x + 3.3 * TEXELS * np.cos((a + b) / 2), y + 3.3 * TEXELS * np.sin((a + b) / 2))
        base = [(x + 1.4 * TEXELS * np.cos(c), y + 1.4 * TEXELS * np.sin(c)) for c in (a, b)]
        cv2.fillPoly(layer, [np.round([base[0], tip, base[1]]).astype(np.int32)], 255, cv2.LINE_AA)
    shade = layer.astype(np.float32)[..., None] / 255
    flat *= 1 - shade * np.array([0.26, 0.22, 0.18], np.float32)
