"""Static occluders: trees and lamps along the kerb; columns, kiosks and planters on the square."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.scenes.buildings import AWNINGS
from datasets.scenes.config import Scene
from datasets.scenes.sprites import Colour, Pen, Sprite, dark, smooth
from datasets.scenes.trajectories import CURB, NEAR, SceneView


@dataclass(frozen=True, eq=False, slots=True)
class Fixture:
    """A static object on the ground that occludes objects behind it.

    Attributes:
        depth: distance from the camera, metres.
        sprite: its image.
    """

    depth: float
    sprite: Sprite


def fixtures(scene: Scene, view: SceneView, rng: np.random.Generator) -> list[Fixture]:
    found = []
    edge = view.half_width(CURB) + 2
    for k, x in enumerate(np.arange(-edge, edge, 4.6)):
        x = float(x + rng.uniform(-0.4, 0.4))
        found.append(_tree(view, rng, x, CURB - 0.8) if k % 2 == 0 else _lamp(view, x, CURB - 0.6))
    kinds = (_column, _kiosk, _planter)
    for k in range(scene.occluders):
        z = float(rng.uniform(NEAR + 3.5, CURB - 3))
        # Spread over the width, so that everyone crossing the square passes behind some of them.
        x = view.half_width(z) * 0.75 * (2 * (k + float(rng.uniform(0.25, 0.75))) / max(scene.occluders, 1) - 1)
        found.append(kinds[k % 3](view, rng, x, z))
    return found


def _tree(view: SceneView, rng: np.random.Generator, x: float, z: float) -> Fixture:
    column, row, scale = view.project(x, z)
    high = float(rng.uniform(4.6, 5.8))
    pen = Pen(column, row, scale, (-2.6, -0.3, 2.6, high + 2.2))
    pen.polygon([(-0.7, 0.0), (0.7, 0.0), (0.62, -0.2), (-0.62, -0.2)], (96, 108, 118))
    pen.limb([(0, 0), (0.05, 1.6), (0.0, high - 1.2)], [0.17, 0.13, 0.08], (70, 86, 100))
    for bough in (-1.0, -0.5, 0.6, 1.0):
        pen.limb([(0, high * 0.5), (bough, high - 0.6)], [0.08, 0.04], (64, 80, 94))
    leaves = []
    for _ in range(230):
        angle, r = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
        leaves.append((1.9 * r * np.cos(angle), high + 1.55 * r * np.sin(angle)))
    for px, py in sorted(leaves, key=lambda p: p[1] - 0.6 * p[0]):  # the lit ones at the upper left are drawn last
        light = np.clip(0.62 + 0.16 * (-px / 1.9) + 0.26 * (py - high) / 1.5 + rng.normal(0, 0.07), 0.35, 1.2)
        pen.ellipse(
            px, py, float(rng.uniform(0.22, 0.42)), float(rng.uniform(0.18, 0.34)), dark((72, 150, 126), float(light))
        )
    return Fixture(z, pen.sprite())


def _lamp(view: SceneView, x: float, z: float) -> Fixture:
    column, row, scale = view.project(x, z)
    pen = Pen(column, row, scale, (-0.6, -0.2, 0.6, 5.2))
    iron: Colour = (66, 64, 58)
    pen.limb([(0, 0), (0, 0.5)], [0.16, 0.11], iron)
    pen.limb([(0, 0.4), (0, 4.2)], [0.065, 0.05], iron)
    pen.polygon([(-0.2, 4.2), (-0.28, 4.72), (0.28, 4.72), (0.2, 4.2)], (206, 232, 240))
    pen.polygon([(-0.34, 4.72), (0, 5.02), (0.34, 4.72)], iron)
    pen.limb([(-0.2, 4.2), (0.2, 4.2)], [0.04, 0.04], iron)
    return Fixture(z, pen.sprite(roundness=0.3))


def _column(view: SceneView, rng: np.random.Generator, x: float, z: float) -> Fixture:
    """An advertising column."""
    column, row, scale = view.project(x, z)
    pen = Pen(column, row, scale, (-0.9, -0.35, 0.9, 3.5))
    stone: Colour = (128, 140, 146)
    pen.ellipse(0, 0.02, 0.72, 0.2, stone)
    body = [(-0.6, 0.25), (-0.6, 2.6), (0.6, 2.6), (0.6, 0.25)]
    pen.box(-0.66, 0.02, 0.66, 0.3, stone)
    pen.polygon(body, (196, 206, 210))
    within = pen.stamp(body)
    y = 0.3
    while y < 2.5:
        high = float(rng.uniform(0.6, 1.0))
        px = -0.7
        while px < 0.6:
            wide = float(rng.uniform(0.4, 0.65))
            paper = dark(AWNINGS[rng.integers(len(AWNINGS))], float(rng.uniform(1.1, 1.6)))
            pen.box(px, y, px + wide - 0.05, y + high - 0.05, paper, within)
            for line in range(4):
                at = y + high * (0.2 + 0.16 * line)
                pen.box(px + 0.07, at, px + wide * 0.75, at + 0.05, (236, 240, 242), within)
            px += wide
        y += high
    green: Colour = (80, 96, 56)
    pen.box(-0.74, 2.58, 0.74, 2.78, green)
    pen.polygon(smooth([(-0.68, 2.76), (-0.5, 3.1), (0, 3.4), (0.5, 3.1), (0.68, 2.76)], 2), dark(green, 1.1))
    return Fixture(z, pen.sprite(roundness=0.5))


def _kiosk(view: SceneView, rng: np.random.Generator, x: float, z: float) -> Fixture:
    """A newspaper stand."""
    column, row, scale = view.project(x, z)
    pen = Pen(column, row, scale, (-1.7, -0.3, 1.7, 3.2))
    paint = AWNINGS[rng.integers(len(AWNINGS))]
    pen.box(-1.2, 0, 1.2, 2.4, dark(paint, 0.7))
    pen.box(-1.05, 1.05, 1.05, 2.1, (92, 100, 108))
    pen.polygon([(-1.05, 1.5), (-1.05, 2.1), (1.05, 2.1), (1.05, 1.8)], (130, 134, 132))
    for k in range(7):
        px = -0.95 + k * 0.28
        pen.box(px, 0.98, px + 0.22, 1.32, dark(AWNINGS[rng.integers(len(AWNINGS))], 1.4))
        pen.box(px, 0.35, px + 0.22, 0.75, dark(AWNINGS[rng.integers(len(AWNINGS))], 1.2))
    pen.box(-1.3, 0.9, 1.3, 1.02, dark(paint, 1.1))
    for k in range(10):
        px = -1.5 + 0.3 * k
        pen.polygon(
            [(px, 2.2), (px + 0.08, 2.62), (px + 0.38, 2.62), (px + 0.3, 2.2)], paint if k % 2 else (226, 230, 232)
        )
    pen.polygon([(-1.25, 2.6), (-1.0, 2.95), (1.0, 2.95), (1.25, 2.6)], dark(paint, 0.55))
    return Fixture(z, pen.sprite(roundness=0.15))


def _planter(view: SceneView, rng: np.random.Generator, x: float, z: float) -> Fixture:
    """A planter with shrubs, hip-high."""
    column, row, scale = view.project(x, z)
    pen = Pen(column, row, scale, (-1.5, -0.25, 1.5, 1.7))
    for _ in range(120):
        px, py = float(rng.uniform(-1.1, 1.1)), float(rng.uniform(0.55, 1.25))
        light = float(np.clip(0.55 + 0.4 * (py - 0.5) - 0.08 * px + rng.normal(0, 0.07), 0.4, 1.2))
        pen.ellipse(px, py, 0.17, 0.13, dark((70, 140, 104), light))
    for _ in range(16):
        pen.ellipse(float(rng.uniform(-1.0, 1.0)), float(rng.uniform(0.85, 1.3)), 0.06, 0.06, (110, 110, 220))
    pen.polygon([(-1.25, 0), (-1.3, 0.66), (1.3, 0.66), (1.25, 0)], (134, 150, 160))
    pen.box(-1.34, 0.58, 1.34, 0.72, (156, 170, 178))
    return Fixture(z, pen.sprite(roundness=0.2))
