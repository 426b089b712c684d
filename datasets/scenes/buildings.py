"""The sky, a skyline in the haze, and a row of houses with shops."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.scenes.compositing import paste
from datasets.scenes.sprites import Colour, Pen, Sprite, dark
from datasets.scenes.trajectories import CAMERA_HEIGHT, FACADE, SceneView
from tracker.types import Float32

WALLS: tuple[Colour, ...] = (
    (150, 186, 212), (166, 196, 226), (140, 166, 198), (176, 190, 200), (134, 150, 190), (158, 178, 186),
    (124, 158, 204), (186, 204, 214),
)  # fmt: skip
ROOFS: tuple[Colour, ...] = ((74, 84, 128), (86, 84, 82), (64, 76, 112), (98, 96, 96))
AWNINGS: tuple[Colour, ...] = ((60, 70, 168), (96, 110, 60), (150, 110, 60), (70, 130, 190), (120, 90, 110))


def sky(view: SceneView, rng: np.random.Generator) -> Float32:
    t = np.linspace(0, 1, view.height, dtype=np.float32)[:, None, None]
    t = np.clip(t * view.height / view.horizon, 0, 1)
    sky = (1 - t) * np.array([222, 176, 126], np.float32) + t * np.array([238, 226, 208], np.float32)
    canvas: Float32 = np.repeat(sky, view.width, axis=1)
    cloud = np.clip(clouds(rng, view.height, view.width, (3, 7, 15, 31)) - 0.35, 0, 1.2)[..., None] / 1.2
    canvas += cloud * (np.array([250, 248, 246], np.float32) - canvas) * 0.85
    return canvas


def clouds(rng: np.random.Generator, height: int, width: int, octaves: tuple[float, ...]) -> Float32:
    """Smooth noise of mean 0 and standard deviation 1; `octaves` are the numbers of noise cells across the width."""
    total = np.zeros((height, width), np.float32)
    for k, lumps in enumerate(octaves):
        cells = rng.standard_normal((max(2, round(lumps * height / width)) + 3, round(lumps) + 3)).astype(np.float32)
        total += cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC) / 2**k
    return np.asarray((total - total.mean()) / (total.std() + 1e-6), np.float32)


def houses(canvas: Float32, view: SceneView, rng: np.random.Generator) -> None:
    """Draws a row of house fronts with a lower skyline behind them."""
    scale = view.project(0, FACADE)[2]
    reach = view.half_width(FACADE) + 3
    far = Pen(view.width / 2, view.horizon, scale, (-reach, -CAMERA_HEIGHT, reach, 8))
    x = -reach
    while x < reach:
        wide, high = float(rng.uniform(3, 8)), float(rng.uniform(2.0, 6.5))
        far.box(x, -CAMERA_HEIGHT, x + wide, high, dark((206, 196, 182), float(rng.uniform(0.93, 1.03))))
        x += wide
    paste(canvas, far.sprite())
    x = -reach
    while x < reach:
        wide = float(rng.uniform(6.5, 10.5))
        if rng.random() < 0.88:
            paste(canvas, _house(view, rng, x, wide))
        x += wide
    row = int(view.project(0, FACADE)[1])
    deep = max(2, round(0.5 * scale))
    fade = np.linspace(0, 0.3, deep, dtype=np.float32)[:, None, None]
    canvas[row - deep : row] *= 1 - fade  # dirt and shade where wall meets pavement


def _house(view: SceneView, rng: np.random.Generator, left: float, wide: float) -> Sprite:
    column, row, scale = view.project(left, FACADE)
    floors = int(rng.integers(2, 4))
    high = 3.5 + 3.0 * floors
    pen = Pen(column, row, scale, (-0.6, 0.0, wide + 0.6, high + 3.5))
    wall = WALLS[rng.integers(len(WALLS))]
    wall = dark(wall, float(rng.uniform(0.9, 1.05)))
    roof = ROOFS[rng.integers(len(ROOFS))]
    if rng.random() < 0.7:
        pen.polygon([(-0.3, high), (0.7, high + 2.0), (wide - 0.7, high + 2.0), (wide + 0.3, high)], roof)
        for k in range(int(wide / 2.6)):
            x = 1.5 + 2.6 * k
            pen.polygon(
                [
                    (x - 0.5, high + 0.2),
                    (x - 0.5, high + 1.2),
                    (x, high + 1.6),
                    (x + 0.5, high + 1.2),
                    (x + 0.5, high + 0.2),
                ],
                dark(wall, 0.95),
            )
            pen.box(x - 0.3, high + 0.3, x + 0.3, high + 1.1, (120, 104, 86))
        pen.box(wide - 1.6, high + 1.4, wide - 1.0, high + 2.8, dark(roof, 0.85))
    pen.box(0, 0, wide, high, wall)
    pen.box(-0.15, high - 0.22, wide + 0.15, high + 0.12, dark(wall, 1.1))
    pen.box(0, high - 0.34, wide, high - 0.22, dark(wall, 0.78))
    bays = max(2, round(wide / 2.3))
    pitch = wide / bays
    shutters = rng.random() < 0.4
    tint = AWNINGS[rng.integers(len(AWNINGS))]
    for floor in range(1, floors + 1):
        base = 0.9 + 3.0 * floor
        for bay in range(bays):
            _window(pen, rng, (bay + 0.5) * pitch, base, wall, tint if shutters else None)
        pen.box(0, base - 0.62, wide, base - 0.5, dark(wall, 1.07))
    _shop(pen, rng, wide, wall)
    pen.box(wide - 0.06, 0, wide, high, dark(wall, 0.8))
    return pen.sprite()


def _window(pen: Pen, rng: np.random.Generator, x: float, y: float, wall: Colour, shutter: Colour | None) -> None:
    half, high = 0.5, 1.55
    pen.box(x - half - 0.1, y - 0.1, x + half + 0.1, y + high + 0.1, dark(wall, 1.12))
    pen.box(x - half, y, x + half, y + high, dark((128, 110, 92), float(rng.uniform(0.75, 1.15))))
    pen.polygon(
        [(x - half, y + high), (x - half, y + high * 0.55), (x + half, y + high * 0.8), (x + half, y + high)],
        (168, 152, 132),
    )
    pen.box(x - half, y + high, x + half, y + high - 0.12, (92, 82, 74))
    pen.box(x - 0.035, y, x + 0.035, y + high, (226, 230, 232))
    pen.box(x - half, y + 1.0, x + half, y + 1.06, (226, 230, 232))
    pen.box(x - half - 0.18, y - 0.16, x + half + 0.18, y - 0.04, dark(wall, 0.86))
    if shutter is not None:
        for side in (-1, 1):
            near, far = x + side * (half + 0.04), x + side * (half + 0.48)
            pen.box(near, y, far, y + high, dark(shutter, 0.95))
            for slat in np.arange(y + 0.15, y + high, 0.2):
                pen.box(near, slat, far, slat + 0.04, dark(shutter, 0.75))


def _shop(pen: Pen, rng: np.random.Generator, wide: float, wall: Colour) -> None:
    paint = AWNINGS[rng.integers(len(AWNINGS))]
    pen.box(0.25, 0, wide - 0.25, 3.05, dark(paint, 0.62))
    panes = max(2, round(wide / 2.2))
    pitch = (wide - 0.7) / panes
    door = int(rng.integers(panes))
    for k in range(panes):
        x0, x1 = 0.4 + k * pitch, 0.3 + (k + 1) * pitch
        sill = 0.08 if k == door else 0.55
        pen.box(x0, sill, x1, 2.4, dark((96, 108, 118), float(rng.uniform(0.75, 1.1))))
        pen.polygon([(x0, 1.2), (x0, 2.4), (x1, 2.4), (x1, 1.9)], (138, 142, 140))
        for item in range(4):
            x = x0 + (item + 0.7) * (x1 - x0) / 5
            pen.ellipse(x, sill + 0.18, 0.13, float(rng.uniform(0.12, 0.3)), AWNINGS[rng.integers(len(AWNINGS))])
    pen.box(0.35, 2.5, wide - 0.35, 2.95, dark(paint, 0.85))
    letters = int(rng.integers(5, 11))
    for k in range(letters):
        x = wide / 2 + (k - letters / 2) * 0.3
        pen.box(x, 2.62, x + 0.18, 2.84, (206, 226, 232))
    if rng.random() < 0.6:
        stripes = int(wide / 0.5)
        for k in range(stripes):
            x0 = 0.1 + k * (wide - 0.2) / stripes
            x1 = x0 + (wide - 0.2) / stripes
            tone = paint if k % 2 else (224, 228, 230)
            pen.box(x0, 2.55, x1, 2.0, tone)
            pen.polygon([(x0, 2.0), (x0, 1.88), ((x0 + x1) / 2, 1.82), (x1, 1.88), (x1, 2.0)], dark(tone, 0.85))
