"""Partial occlusion by unlabelled objects (posts, walls, cars) or by other people.

For a partly occluded person a detector reports the visible part, two parts, the estimated full box, or nothing.
"""

from __future__ import annotations

import numpy as np

from datasets.ground_truth.tracking import BoxTable
from datasets.simulation.detector_noise import SUPPRESSION_IOU, Found, Rng
from models.runtime.maths import expit, logit
from tracker.boxes import overlaps
from tracker.types import Float64, Int64

MIN_OCCLUDED_SHARE = 0.1  # occluded share of a box above which the detection changes
MIN_VISIBLE_SHARE = 0.25  # visible share below which a detector rarely finds a person
SWITCH_PROBABILITY = 0.2  # probability per frame that the detector's behaviour for an occluded person is redrawn


class OcclusionModel:
    """Occlusion behaviour of one detector, drawn once for a clip.

    Attributes:
        missed: probability that a fully occluded person is missed; scaled by the square of the occluded share.
        cut: probability that the box ends at the occluder's edge.
        split: probability of a second detection: the smaller visible part, or the estimated full box.
        doubt: decrease of the score's log-odds at full occlusion; proportional to the occluded share.
    """

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self.missed, self.cut, self.split, self.doubt = rng.uniform([0.3, 0, 0, 0], [1, 1, 0.5, 5]).tolist()
        self._pair_state: dict[tuple[int, int], Float64] = {}

    def behind(self, found: Found, things: Float64, name: Int64) -> Found:
        """A frame's detections behind the occluders `things` (N, 4), which have the ids `name` (N,) in all frames.

        An object is not occluded by the entry with its own id. Second detections follow the others and have the id -1.
        """
        number, boxes, score = found[0], found[1].copy(), found[2].copy()
        left = np.ones(len(number), bool)
        parts: list[tuple[Float64, float]] = []
        for thing, own in zip(things, name.tolist(), strict=True):
            shared = np.minimum(boxes[:, 2:], thing[2:]) - np.maximum(boxes[:, :2], thing[:2])
            hidden = np.maximum(shared, 0).prod(axis=1) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
            # a box with a lower bottom edge than the occluder's is in front of it
            touched = (hidden > MIN_OCCLUDED_SHARE) & (boxes[:, 3] < thing[3]) & (number != own) & left
            for i in np.flatnonzero(touched).tolist():
                seen = self._seen((int(number[i]), own), boxes[i].copy(), score[i], float(hidden[i]), thing)
                left[i] = bool(seen)
                if seen:
                    (boxes[i], score[i]), *second = seen
                    parts += second
        return _and((number[left], boxes[left], score[left]), parts)

    def _seen(
        self, who: tuple[int, int], box: Float64, score: float, hidden: float, thing: Float64
    ) -> list[tuple[Float64, float]]:
        """Boxes and scores detected for an occluded object; the first is the object's. Empty if it is missed.

        Args:
            who: ids of the object and of the occluder.
            box, score: the detection without the occluder.
            hidden: occluded share of the box, 0..1.
            thing: (4,) box of the occluder.
        """
        mind = self._pair_state.get(who)
        if mind is None or who[0] < 0 or self._rng.random() < SWITCH_PROBABILITY:
            mind = self._pair_state[who] = self._rng.random(5)
        if mind[0] < (0.95 if hidden > 1 - MIN_VISIBLE_SHARE else self.missed * hidden**2):
            return []
        odds = logit(np.array(score)) - self.doubt * hidden
        strips, share = _strips(box, thing)
        if mind[1] >= self.cut or share[0] <= 0.1:
            return [(box, float(expit(odds)))]
        seen = [(box + (0.5 + 0.5 * mind[3]) * (strips[0] - box), float(expit(odds)))]
        other = box if mind[4] < 0.5 else strips[1]
        apart = overlaps(other[None], seen[0][0][None])[0, 0] < SUPPRESSION_IOU and (mind[4] < 0.5 or share[1] > 0.1)
        if apart and mind[2] < self.split:
            seen.append((other, float(expit(odds - 2 * mind[3]))))
        return seen


class Occluders:
    """Static occluders of one clip, placed where people pass.

    Attributes:
        xyxy: (N, 4) one to four boxes, in pixels of the first kept frame.
        mistaken: probability per frame that an occluder itself is detected as a person; mostly 0.
        alike: mean log-odds of the score of such a false detection. It may be as high as that of a real person.
    """

    def __init__(self, truth: BoxTable, kept: Int64, to_first: list[Float64], rng: Rng) -> None:
        """Draws the occluders.

        Args:
            truth: ground truth of the sequence.
            kept: (L,) indices of the kept frames.
            to_first: for each kept frame, the (3, 3) affine from its pixels to those of the first kept frame.
            rng: random generator.
        """
        self._rng, self._eye = rng, OcclusionModel(rng)
        self.mistaken = float(rng.uniform(0, 0.8)) * (rng.random() < 0.4)
        self.alike = float(rng.uniform(-2.5, 1.5))
        standing = []
        for _ in range(int(rng.integers(1, 5))):
            k = int(rng.integers(len(kept)))
            _, boxes, _ = truth.at(int(kept[k]))
            if len(boxes):
                standing.append(_moved(_drawn(boxes[rng.integers(len(boxes))], rng)[None], to_first[k])[0])
        self.xyxy = np.array(standing).reshape(-1, 4)

    def hide(self, found: Found, from_first: Float64) -> Found:
        """A frame's detections with the occluders in the scene.

        Args:
            found: object ids, boxes, scores.
            from_first: (3, 3) affine from the first kept frame's pixels to those of this frame.
        """
        obstacles = _moved(self.xyxy, from_first)
        found = self._eye.behind(found, obstacles, -2 - np.arange(len(obstacles)))
        taken: list[tuple[Float64, float]] = []
        for obstacle in obstacles:
            if self._rng.random() < self.mistaken:
                jitter = 0.05 * np.tile(obstacle[2:] - obstacle[:2], 2) * self._rng.normal(size=4)
                taken.append((obstacle + jitter, float(expit(np.array(self._rng.normal(self.alike, 0.7))))))
        return _and(found, taken)


def _drawn(box: Float64, rng: Rng) -> Float64:
    """(4,) box of a post or a low wall in front of a person in `box`."""
    (x, y), (w, h) = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    foot = box[3] + h * rng.uniform(0.02, 0.4)
    if rng.random() < 0.6:
        half = 0.5 * w * np.exp(rng.normal(-0.3, 0.6))
        top = y - h * rng.uniform(0.2, 1.5)
    else:
        half = 0.5 * w * rng.uniform(1.5, 6)
        top = box[1] + h * rng.uniform(0.25, 0.8)
    return np.array([x - half, top, x + half, foot])


def _moved(xyxy: Float64, affine: Float64) -> Float64:
    """Upright boxes (N, 4) under an affine (3, 3): the centre moves, the sides scale."""
    centre, half = (xyxy[:, :2] + xyxy[:, 2:]) / 2, (xyxy[:, 2:] - xyxy[:, :2]) / 2
    centre = centre @ affine[:2, :2].T + affine[:2, 2]
    half = half * np.sqrt(abs(np.linalg.det(affine[:2, :2])))
    return np.concatenate([centre - half, centre + half], axis=1)


def _strips(box: Float64, obstacle: Float64) -> tuple[Float64, Float64]:
    """The four parts of a box left of, above, right of and below an occluder, largest first, and their area shares."""
    strips = np.tile(box, (4, 1))
    for side, (edge, limit) in enumerate(((2, 0), (3, 1), (0, 2), (1, 3))):
        strips[side, edge] = np.clip(obstacle[limit], *sorted((box[edge % 2], box[edge % 2 + 2])))
    share = (strips[:, 2:] - strips[:, :2]).prod(axis=1) / (box[2:] - box[:2]).prod()
    order = np.argsort(-share)
    return strips[order], share[order]


def _and(found: Found, more: list[tuple[Float64, float]]) -> Found:
    """The detections, followed by boxes (4,) with their scores and the id -1."""
    return (
        np.concatenate([found[0], np.full(len(more), -1)]),
        np.concatenate([found[1], np.array([box for box, _ in more]).reshape(-1, 4)]),
        np.concatenate([found[2], [score for _, score in more]]),
    )
