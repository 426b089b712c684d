"""Pedestrians: random clothes, limbs that swing with the distance walked, drawn from any side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.scenes.sprites import Colour, Pen, Sprite, dark
from datasets.scenes.trajectories import Pose

# BGR. Mostly muted clothes with a few strong colours, as in a real street.
TOPS: tuple[Colour, ...] = (
    (58, 52, 48), (92, 70, 46), (120, 96, 72), (150, 148, 146), (214, 214, 210), (60, 64, 150), (44, 92, 176),
    (60, 150, 214), (84, 120, 72), (128, 108, 60), (140, 84, 96), (104, 60, 120), (176, 140, 84), (70, 110, 140),
    (40, 40, 96), (196, 176, 150),
)  # fmt: skip
BOTTOMS: tuple[Colour, ...] = (
    (70, 56, 44), (110, 78, 52), (52, 48, 46), (90, 92, 94), (126, 140, 152), (60, 70, 84), (140, 110, 82),
    (38, 36, 36),
)  # fmt: skip
SKINS: tuple[Colour, ...] = ((176, 200, 232), (150, 178, 218), (124, 152, 196), (84, 112, 158), (56, 76, 112))
HAIRS: tuple[Colour, ...] = ((30, 32, 38), (36, 50, 74), (52, 84, 124), (110, 160, 196), (150, 152, 154), (44, 58, 110))
SHOES: tuple[Colour, ...] = ((40, 38, 38), (60, 72, 96), (220, 220, 220), (90, 60, 50))

STRIDE = 1.45  # m covered by two steps of a 1.75 m tall person
BOX = (-0.75, -0.2, 0.75, 2.05)  # m around the feet that the sprite covers: left, bottom, right, top


@dataclass(frozen=True, slots=True)
class Outfit:
    """Clothes and body of a person."""

    height: float
    width: float
    top: Colour
    bottom: Colour
    skin: Colour
    hair: Colour
    shoes: Colour
    accent: Colour
    hem: float  # m above the ground, for a 1.75 m tall adult
    skirt: bool
    style: int  # of the hair: short, long, bun, hat, hood
    stripes: bool
    bag: int  # none, backpack, shoulder bag


def outfit_of(seed: int) -> Outfit:
    """Draws an outfit at random from one seed."""
    rng = np.random.default_rng([seed, 11])

    def one(colours: tuple[Colour, ...]) -> Colour:
        shade = rng.integers(-10, 11)
        b, g, r = (int(np.clip(c + shade, 0, 255)) for c in colours[rng.integers(len(colours))])
        return b, g, r

    return Outfit(
        height=float(np.clip(rng.normal(1.73, 0.09), 1.45, 1.96)),
        width=float(rng.uniform(0.9, 1.15)),
        top=one(TOPS),
        bottom=one(BOTTOMS),
        skin=one(SKINS),
        hair=one(HAIRS),
        shoes=one(SHOES),
        accent=one(TOPS),
        hem=float(rng.choice([0.86, 0.84, 0.78, 0.62, 0.52])),
        skirt=bool(rng.random() < 0.18),
        style=int(rng.integers(5)),
        stripes=bool(rng.random() < 0.2),
        bag=int(rng.choice([0, 0, 1, 2])),
    )


def draw_person(outfit: Outfit, pose: Pose, column: float, row: float, scale: float) -> Sprite:
    """Sprite of the person in a pose, standing at (column, row) of the canvas, at `scale` pixels per metre."""
    size = outfit.height / 1.75
    pen = Pen(column, row, scale * size, BOX)
    speed = float(np.hypot(pose.vx, pose.vz))
    side = pose.vx / speed if speed > 0.05 else 0.35  # 1 walks to the right, 0 to or from the camera
    away = pose.vz / speed if speed > 0.05 else -0.9  # 1 walks away
    swing = min(1.0, speed / 1.1)
    phase = 2 * np.pi * pose.walked / (STRIDE * size)
    broad = outfit.width * (0.125 + 0.075 * (1 - abs(side)))  # half the width of the shoulders
    bob = 0.018 * swing * np.cos(2 * phase)
    order = (1, 0) if side >= 0 else (0, 1)  # the far limb first

    def leg(k: int) -> None:
        beat = phase + np.pi * k
        hip = ((2 * k - 1) * 0.075 * (1 - abs(side)), 0.90 + bob)
        lift = 0.11 * swing * max(0.0, np.cos(beat))
        reach = 0.36 * swing * np.sin(beat)
        # A foot that is a step nearer to the camera is lower in the image.
        ankle = (hip[0] * 1.1 + reach * side, 0.07 + lift + 0.09 * reach * away)
        bend = (0.03 + 0.16 * swing * max(0.0, np.cos(beat))) * side
        knee = ((hip[0] + ankle[0]) / 2 + bend, (hip[1] + ankle[1]) / 2 + 0.01)
        shade = 0.78 if k == order[0] else 1.0
        bare = outfit.skirt and outfit.hem > 0.7
        pen.limb([hip, knee, ankle], [0.088, 0.062, 0.043], dark(outfit.skin if bare else outfit.bottom, shade))
        toe = 0.13 * side
        pen.limb(
            [(ankle[0] - 0.02 * side, ankle[1] - 0.03), (ankle[0] + toe, ankle[1] - 0.045 + 0.02 * (1 - abs(side)))],
            [0.05, 0.036],
            dark(outfit.shoes, shade),
        )

    def arm(k: int) -> None:
        beat = phase + np.pi * (1 - k)
        shoulder = ((2 * k - 1) * broad * (1 - 0.75 * abs(side)), 1.40 + bob)
        reach = 0.27 * swing * np.sin(beat)
        hand = (shoulder[0] * 1.2 + reach * side, 0.86 + bob + 0.06 * abs(reach) + 0.05 * reach * away)
        elbow = ((shoulder[0] + hand[0]) / 2 - 0.05 * side + 0.03 * np.sign(shoulder[0]) * (1 - abs(side)), 1.13 + bob)
        shade = 0.78 if k == order[0] else 0.93
        pen.limb([shoulder, elbow, hand], [0.062, 0.052, 0.042], dark(outfit.top, shade))
        pen.ellipse(hand[0], hand[1] - 0.03, 0.04, 0.05, dark(outfit.skin, shade))

    def torso() -> None:
        waist, hip = broad * 0.86, broad * 0.98
        hem = outfit.hem + bob
        flare = hip * (1.25 if outfit.hem < 0.7 else 1.05)
        outline = [
            (-broad * 0.45, 1.50), (broad * 0.45, 1.50), (broad, 1.43), (broad * 1.02, 1.30), (waist, 1.10),
            (hip, 0.95), (flare, hem - bob), (-flare, hem - bob), (-hip, 0.95), (-waist, 1.10), (-broad * 1.02, 1.30),
            (-broad, 1.43),
        ]  # fmt: skip
        shape = [(x, y + bob) for x, y in outline]
        if outfit.skirt:
            wide = hip * 1.5
            pen.polygon([(-hip, 0.98 + bob), (hip, 0.98 + bob), (wide, 0.52 + bob), (-wide, 0.52 + bob)], outfit.bottom)
        pen.polygon(shape, outfit.top)
        inside = pen.stamp(shape)
        if outfit.stripes:
            for y in np.arange(0.55, 1.5, 0.11):
                pen.box(-0.5, y, 0.5, y + 0.045, outfit.accent, inside)
        if away < -0.3 and not outfit.stripes:  # an open collar, seen from the front
            pen.inside([(-0.06, 1.52), (0.06, 1.52), (0.0 + 0.03 * side, 1.36 + bob)], dark(outfit.accent, 1.1), inside)
        pen.box(-0.5, hem - 0.1, 0.5, hem + 0.03, dark(outfit.top, 0.8), inside)

    def bag() -> None:
        if outfit.bag == 1:
            x = -0.16 * side if abs(side) > 0.4 else 0.0
            half = 0.1 + 0.06 * (1 - abs(side))
            pen.box(x - half, 1.43 + bob, x + half, 1.02 + bob, outfit.accent)
            pen.box(x - half, 1.2 + bob, x + half, 1.17 + bob, dark(outfit.accent, 0.6))
        elif outfit.bag == 2:
            x = 0.17 * (1 if side >= 0 else -1)
            pen.polygon(
                [(x - 0.1, 0.98 + bob), (x + 0.1, 0.98 + bob), (x + 0.12, 0.74 + bob), (x - 0.12, 0.74 + bob)],
                outfit.accent,
            )
            pen.limb([(x, 0.97 + bob), (-x * 0.3, 1.44 + bob)], [0.014, 0.014], dark(outfit.accent, 0.7))

    def head() -> None:
        y = 1.625 + bob
        pen.limb([(0, 1.45 + bob), (0.01 * side, 1.56 + bob)], [0.055, 0.05], dark(outfit.skin, 0.82))
        if outfit.style == 1:  # long hair, behind the face
            pen.limb([(-0.035 * side, y + 0.02), (-0.05 * side, y - 0.2)], [0.115, 0.085], outfit.hair)
        if outfit.style == 4:
            pen.ellipse(-0.03 * side, y - 0.01, 0.13, 0.155, dark(outfit.top, 0.86))
        pen.ellipse(0.015 * side, y, 0.088, 0.118, outfit.skin)
        if abs(side) > 0.3 and away < 0.8:
            pen.ellipse(0.095 * side, y - 0.015, 0.018, 0.02, outfit.skin)  # nose
        if away > 0.5 and outfit.style != 4:  # the back of the head
            pen.ellipse(0, y + 0.015, 0.093, 0.112, outfit.hair)
        elif outfit.style == 3:
            pen.ellipse(0.01 * side, y + 0.075, 0.1, 0.055, outfit.accent)
            pen.limb([(0.02 * side, y + 0.062), (0.15 * side, y + 0.058)], [0.022, 0.012], dark(outfit.accent, 0.8))
        elif outfit.style != 4:
            cap = [
                (np.cos(t) * 0.098 - 0.02 * side, y + 0.02 + np.sin(t) * 0.108)
                for t in np.linspace(0.1, np.pi - 0.1, 14)
            ]
            pen.polygon([*cap, (-0.085 - 0.01 * side, y - 0.02), (-0.045 * side, y + 0.045)], outfit.hair)
            pen.ellipse(-0.055 * side, y + 0.01, 0.055, 0.085, outfit.hair)
        if outfit.style == 2:
            pen.ellipse(-0.1 * side, y + 0.09, 0.045, 0.045, outfit.hair)

    arm(order[0])
    leg(order[0])
    leg(order[1])
    if outfit.bag == 1 and away < 0.2:
        bag()
    torso()
    if outfit.bag == 2 or away >= 0.2:
        bag()
    head()
    arm(order[1])
    return pen.sprite(roundness=0.34)
