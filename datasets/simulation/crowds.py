"""Random groups of people before a still camera: ground truth to test and train a tracker without recorded video.

People walk, run, or dance within a formation whose places change every few seconds, so that they cross and hide each
other. Each velocity is an Ornstein-Uhlenbeck process with a pull towards the person's place; limbs widen the boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.ground_truth.tracking import BoxTable, TrackingSequence, last_seen, visible
from datasets.simulation.detector_noise import Rng
from tracker.types import Float64

WIDTH, HEIGHT = 1280.0, 720.0  # pixels, of the image
PEOPLE = (3, 24)  # number of people, from and to
BODY = 0.4  # mean width of a person in heights
INSIDE = 0.3  # smallest share of a box inside the image


@dataclass(frozen=True, slots=True)
class Gait:
    """How the people of one scene move. Lengths are in heights of a person.

    Attributes:
        tau: time constant of the velocity, seconds.
        speed: standard deviation of the velocity without a pull, heights a second.
        pull: angular frequency of the pull towards a person's place, radians a second; 0 without one.
        stay: mean seconds until people change places.
        limbs: standard deviation of the log width, and half of it of the log height.
    """

    tau: float
    speed: float
    pull: float
    stay: float
    limbs: float


WALK, RUN, DANCE = Gait(5.0, 0.25, 0.0, 10.0, 0.06), Gait(2.0, 0.8, 0.4, 6.0, 0.1), Gait(0.5, 0.4, 1.2, 4.0, 0.2)
LIMBS_TAU_S = 0.4  # time constant of the box sizes, seconds


def crowd(rng: Rng, seconds: float = 30.0, rate: float = 15.0) -> TrackingSequence:
    """One scene of `seconds` at `rate` frames a second, at least two frames."""
    gait = (WALK, RUN, DANCE)[int(rng.integers(3))]
    times = np.arange(max(2, int(seconds * rate))) / rate
    count = int(rng.integers(PEOPLE[0], PEOPLE[1] + 1))
    tall = float(rng.uniform(80, 330))
    centre, height, width = _paths(gait, len(times), 1 / rate, count, tall, float(rng.uniform(0.4, 1.0)), rng)
    half = np.stack([width, height], -1) / 2
    whole = np.concatenate([centre - half, centre + half], -1)
    shown = np.clip(whole, 0, [WIDTH, HEIGHT] * 2)
    share = (shown[..., 2:] - shown[..., :2]).prod(-1) / (whole[..., 2:] - whole[..., :2]).prod(-1)
    rows, number, boxes, seen = [0], [], [], []
    for k in range(len(times)):
        inside = (share[k] > INSIDE).nonzero()[0]
        rows.append(rows[-1] + len(inside))
        number.append(inside + 1)
        boxes.append(shown[k, inside])
        seen.append(visible(shown[k, inside]))
    truth = BoxTable(np.array(rows), np.concatenate(number), np.concatenate(boxes), np.concatenate(seen))
    return TrackingSequence("crowds", "crowd", times, truth, None, {}, last_seen(truth, times))


def _paths(
    gait: Gait, frames: int, dt: float, count: int, tall: float, spread: float, rng: Rng
) -> tuple[Float64, Float64, Float64]:
    """Centres (frames, count, 2), heights and widths (frames, count) in pixels.

    Args:
        gait: how people move.
        frames: number of frames.
        dt: seconds between two of them.
        count: number of people.
        tall: mean height, pixels.
        spread: share of the image in which they stand, 0..1.
        rng: random generator.
    """

    def places(n: int) -> Float64:
        share: Float64 = rng.uniform(-0.5, 0.5, (n, 2)) * spread + 0.5
        return share * [WIDTH, HEIGHT * 0.6] + [0, HEIGHT * 0.2]

    place = places(count)
    x, v, size = place.copy(), tall * gait.speed * rng.normal(size=(count, 2)), rng.normal(size=(count, 2))
    own = tall * np.exp(0.15 * rng.normal(size=count))
    keep, still = float(np.exp(-dt / gait.tau)), float(np.exp(-dt / LIMBS_TAU_S))
    centres, sizes = np.empty((frames, count, 2)), np.empty((frames, count, 2))
    for k in range(frames):
        moved = rng.random(count) < dt / gait.stay
        place[moved] = places(int(moved.sum()))
        fresh = rng.normal(size=(2, count, 2))
        kick = tall * gait.speed * np.sqrt(1 - keep**2) * fresh[0] * [1, 0.4]
        v = keep * v + kick - gait.pull**2 * (x - place) * dt
        x = x + v * dt
        size = still * size + np.sqrt(1 - still**2) * fresh[1]
        centres[k], sizes[k] = x, size
    near = np.exp(0.5 * (centres[..., 1] / HEIGHT - 0.5))  # lower in the image is nearer
    height = own * near * np.exp(0.5 * gait.limbs * sizes[..., 0])
    return centres, height, BODY * own * near * np.exp(gait.limbs * sizes[..., 1])
