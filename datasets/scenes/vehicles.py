"""Cars, vans and buses from the side, with windows, turning wheels and lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.scenes.sprites import Colour, Pen, Sprite, dark, smooth
from datasets.scenes.trajectories import Pose

PAINTS: tuple[Colour, ...] = (
    (62, 62, 64), (188, 188, 186), (224, 226, 226), (52, 40, 150), (130, 84, 40), (96, 104, 66), (60, 120, 190),
    (90, 70, 50), (150, 150, 120), (44, 44, 110),
)  # fmt: skip
GLASS: Colour = (118, 104, 88)
GLINT: Colour = (190, 180, 164)
TYRE: Colour = (38, 36, 36)


@dataclass(frozen=True, slots=True)
class Body:
    """The outline of a type of vehicle driving to the right: metres from its middle, and up."""

    shell: tuple[tuple[float, float], ...]
    windows: tuple[tuple[tuple[float, float], ...], ...]
    wheels: tuple[float, ...]
    radius: float
    nose: float
    tail: float


BODIES = {
    "hatchback": Body(
        shell=(
            (-1.98, 0.30), (-2.02, 0.62), (-1.98, 0.95), (-1.72, 1.32), (-1.35, 1.50), (0.05, 1.50), (0.55, 1.34),
            (1.02, 0.98), (1.72, 0.88), (2.00, 0.70), (2.04, 0.40), (1.98, 0.28), (-1.90, 0.26),
        ),
        windows=(
            ((-1.62, 1.00), (-1.46, 1.36), (-0.92, 1.40), (-0.92, 1.00)),
            ((-0.84, 1.00), (-0.84, 1.40), (-0.02, 1.40), (-0.02, 1.00)),
            ((0.06, 1.00), (0.06, 1.38), (0.38, 1.30), (0.80, 1.00)),
        ),
        wheels=(-1.24, 1.26), radius=0.31, nose=2.0, tail=-2.0,
    ),
    "saloon": Body(
        shell=(
            (-2.30, 0.34), (-2.34, 0.66), (-2.28, 0.96), (-1.62, 1.02), (-1.12, 1.40), (-0.72, 1.48), (0.12, 1.46),
            (0.62, 1.28), (1.06, 0.98), (2.02, 0.86), (2.28, 0.70), (2.32, 0.42), (2.24, 0.28), (-2.20, 0.28),
        ),
        windows=(
            ((-1.40, 1.02), (-1.02, 1.34), (-0.52, 1.38), (-0.52, 1.02)),
            ((-0.44, 1.02), (-0.44, 1.38), (0.10, 1.37), (0.10, 1.02)),
            ((0.18, 1.02), (0.18, 1.36), (0.48, 1.24), (0.84, 1.02)),
        ),
        wheels=(-1.42, 1.42), radius=0.32, nose=2.28, tail=-2.28,
    ),
    "van": Body(
        shell=(
            (-2.55, 0.34), (-2.60, 1.00), (-2.56, 2.10), (-2.40, 2.24), (1.00, 2.24), (1.35, 2.10), (1.82, 1.30),
            (2.40, 1.08), (2.55, 0.80), (2.56, 0.44), (2.48, 0.30), (-2.46, 0.28),
        ),
        windows=(((0.66, 1.30), (0.66, 1.92), (1.22, 1.92), (1.60, 1.30)),),
        wheels=(-1.60, 1.62), radius=0.36, nose=2.5, tail=-2.55,
    ),
    "bus": Body(
        shell=(
            (-5.00, 0.36), (-5.05, 1.20), (-5.02, 2.86), (-4.86, 3.00), (4.70, 3.00), (4.96, 2.84), (5.08, 1.30),
            (5.06, 0.50), (4.98, 0.34), (-4.90, 0.32),
        ),
        windows=(
            *(((x, 1.36), (x, 2.42), (x + 1.42, 2.42), (x + 1.42, 1.36)) for x in np.arange(-4.8, 3.0, 1.52).tolist()),
            ((4.34, 1.00), (4.34, 2.56), (4.92, 2.52), (4.98, 1.00)),
        ),
        wheels=(-3.10, 3.20), radius=0.46, nose=5.0, tail=-5.0,
    ),
}  # fmt: skip


def draw_vehicle(appearance_seed: int, pose: Pose, column: float, row: float, scale: float) -> Sprite:
    """Sprite of the vehicle of `appearance_seed`, its middle above (column, row), at `scale` pixels per metre."""
    rng = np.random.default_rng([appearance_seed, 12])
    kind = str(rng.choice(list(BODIES), p=[0.4, 0.36, 0.16, 0.08]))
    paint = PAINTS[rng.integers(len(PAINTS))]
    second = PAINTS[rng.integers(len(PAINTS))]
    body = BODIES[kind]
    way = 1.0 if pose.vx >= 0 else -1.0
    reach = body.nose + 0.2
    pen = Pen(column, row, scale, (-reach - 0.1, -0.1, reach + 0.1, 3.2))

    def to(points: tuple[tuple[float, float], ...] | list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(way * x, y) for x, y in points]

    shell = smooth(to(body.shell), 2)
    pen.polygon(
        smooth(
            to([(body.tail + 0.1, 0.42), (body.nose - 0.1, 0.42), (body.nose - 0.2, 0.18), (body.tail + 0.2, 0.18)]), 1
        ),
        (44, 42, 42),
    )
    pen.polygon(shell, paint)
    within = pen.stamp(shell)
    top = max(y for _, y in body.shell)
    wide = body.nose + 0.3
    pen.box(-wide, top, wide, top - 0.09, dark(paint, 1.22), within)
    belt = 0.86 if kind != "bus" else 1.25
    pen.box(-wide, belt, wide, belt - 0.06, dark(paint, 1.16), within)
    pen.box(-wide, 0.52, wide, 0.2, dark(paint, 0.72), within)
    if kind in ("bus", "van"):
        pen.box(-wide, 0.96, wide, 0.72, second, within)
    for window in body.windows:
        pen.polygon(to(list(window)), GLASS)
        pane = pen.stamp(to(list(window)))
        x0, y1 = min(x for x, _ in window), max(y for _, y in window)
        glint = [(x0 + 0.1, y1), (x0 + 0.34, y1), (x0 + 0.02, y1 - 0.5), (x0 - 0.22, y1 - 0.5)]
        pen.inside(to(glint), GLINT, pane)
    if kind in ("hatchback", "saloon"):
        for x in (-0.48, 0.44):
            pen.polygon(to([(x, 1.0), (x + 0.02, 1.0), (x + 0.04, 0.36), (x + 0.02, 0.36)]), dark(paint, 0.6))
            pen.polygon(to([(x - 0.3, 0.88), (x - 0.14, 0.88), (x - 0.14, 0.85), (x - 0.3, 0.85)]), dark(paint, 0.55))
    pen.ellipse(way * (body.nose - 0.1), 0.66, 0.11, 0.07, (216, 236, 244))
    pen.ellipse(way * (body.tail + 0.06), 0.72, 0.06, 0.12, (44, 40, 190))
    for x in body.wheels:
        r = body.radius
        arch = [(x + 1.22 * r * np.cos(t), r + 1.22 * r * np.sin(t)) for t in np.linspace(0, np.pi, 16)]
        pen.polygon(to([*arch, (x - 1.22 * r, 0.2), (x + 1.22 * r, 0.2)]), (40, 38, 38))
        pen.ellipse(way * x, r, r, r, TYRE)
        pen.ellipse(way * x, r, 0.64 * r, 0.64 * r, (150, 150, 150))
        turned = -way * pose.walked / r
        for spoke in range(5):
            angle = turned + 2 * np.pi * spoke / 5
            tip = (way * x + 0.56 * r * np.cos(angle), r + 0.56 * r * np.sin(angle))
            pen.limb([(way * x, r), tip], [0.07 * r, 0.1 * r], (84, 84, 86))
        pen.ellipse(way * x, r, 0.16 * r, 0.16 * r, (60, 60, 60))
    return pen.sprite(roundness=0.12)
