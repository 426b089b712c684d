"""Things that stand in the scene and hide who walks behind them, posts, walls, cars: truth knows nothing of them.

A detector shows of somebody half hidden the part that can be seen, or two parts, or the whole by guess, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.noise import SUPPRESSED, Found, Rng
from datasets.truth import Boxes
from models.detect_calibrate import expit, logit
from tracker.boxes import overlaps
from tracker.types import Float64, Int64

TOUCHED = 0.1  # share of a box that must be hidden before a detector notices
GLIMPSE = 0.25  # share that must be left of somebody; of less hardly a detector makes a person
CHANGE = 0.2  # a frame: how often a detector makes up its mind anew about somebody half hidden


@dataclass(frozen=True, slots=True)
class _Eye:
    """How one detector takes what is half hidden, drawn for a clip.

    Attributes:
        missed: probability that somebody wholly hidden is missed; of others by the square of the share that is.
        cut: probability that the box ends where the obstacle begins.
        split: probability that the smaller part on the other side, or the whole by guess, is seen as well.
        doubt: log-odds that a score loses per share hidden.
        mistaken: probability that an obstacle itself is taken for somebody in a frame; mostly 0.
        alike: mean log-odds of the score that it has then: some signs are people to a detector, as sure as any.
    """

    missed: float
    cut: float
    split: float
    doubt: float
    mistaken: float
    alike: float


class Obstacles:
    """What stands in one clip, somewhere where people pass.

    Attributes:
        xyxy: (N, 4) one to four boxes, in the first kept frame's pixels.
    """

    def __init__(self, truth: Boxes, kept: Int64, to_first: list[Float64], rng: Rng) -> None:
        """Draws them.

        Args:
            truth: of the sequence.
            kept: (L,) its frames that are looked at.
            to_first: of each, the (3, 3) affine from its pixels to the first's.
            rng: the source of chance.
        """
        self._rng = rng
        mistaken = 0.8 if rng.random() < 0.4 else 0.0
        self._eye = _Eye(*rng.uniform([0.3, 0, 0, 0, 0, -2.5], [1, 1, 0.5, 5, mistaken, 1.5]).tolist())
        self._mind: dict[tuple[int, int], Float64] = {}
        standing = []
        for _ in range(int(rng.integers(1, 5))):
            k = int(rng.integers(len(kept)))
            _, boxes, _ = truth.at(int(kept[k]))
            if len(boxes):
                standing.append(_moved(_drawn(boxes[rng.integers(len(boxes))], rng)[None], to_first[k])[0])
        self.xyxy = np.array(standing).reshape(-1, 4)

    def hide(self, found: Found, from_first: Float64) -> Found:
        """A frame's detections as they are with the obstacles there.

        Args:
            found: numbers, boxes, scores.
            from_first: (3, 3) affine from the first kept frame's pixels to this one's.
        """
        number, boxes, score = found[0], found[1].copy(), found[2].copy()
        left = np.ones(len(number), bool)
        parts: list[tuple[Float64, float]] = []
        obstacles = _moved(self.xyxy, from_first)
        for o, obstacle in enumerate(obstacles):
            shared = np.minimum(boxes[:, 2:], obstacle[2:]) - np.maximum(boxes[:, :2], obstacle[:2])
            hidden = np.maximum(shared, 0).prod(axis=1) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
            # whose feet are lower than the obstacle's stands before it
            for i in np.flatnonzero((hidden > TOUCHED) & (boxes[:, 3] < obstacle[3]) & left).tolist():
                seen = self._seen((int(number[i]), o), boxes[i].copy(), score[i], float(hidden[i]), obstacle)
                left[i] = bool(seen)
                if seen:
                    (boxes[i], score[i]), *second = seen
                    parts += second
        number, boxes, score = number[left], boxes[left], score[left]
        for obstacle in obstacles:
            if self._rng.random() < self._eye.mistaken:
                jitter = 0.05 * np.tile(obstacle[2:] - obstacle[:2], 2) * self._rng.normal(size=4)
                parts.append((obstacle + jitter, float(expit(np.array(self._rng.normal(self._eye.alike, 0.7))))))
        return (
            np.concatenate([number, np.full(len(parts), -1)]),
            np.concatenate([boxes, np.array([box for box, _ in parts]).reshape(-1, 4)]),
            np.concatenate([score, [worth for _, worth in parts]]),
        )

    def _seen(
        self, who: tuple[int, int], box: Float64, score: float, hidden: float, obstacle: Float64
    ) -> list[tuple[Float64, float]]:
        """Boxes and scores of what is seen of somebody beside an obstacle: first what is theirs; none where nothing is.

        Args:
            who: the number of the object and of the obstacle.
            box, score: as they are without it.
            hidden: the share of the box behind it.
            obstacle: (4,) its box.
        """
        eye, mind = self._eye, self._mind.get(who)
        if mind is None or who[0] < 0 or self._rng.random() < CHANGE:
            mind = self._mind[who] = self._rng.random(5)
        if mind[0] < (0.95 if hidden > 1 - GLIMPSE else eye.missed * hidden**2):
            return []
        odds = logit(np.array(score)) - eye.doubt * hidden
        strips, share = _strips(box, obstacle)
        if mind[1] >= eye.cut or share[0] <= 0.1:
            return [(box, float(expit(odds)))]
        seen = [(box + (0.5 + 0.5 * mind[3]) * (strips[0] - box), float(expit(odds)))]
        other = box if mind[4] < 0.5 else strips[1]
        apart = overlaps(other[None], seen[0][0][None])[0, 0] < SUPPRESSED and (mind[4] < 0.5 or share[1] > 0.1)
        if apart and mind[2] < eye.split:
            seen.append((other, float(expit(odds - 2 * mind[3]))))
        return seen


def _drawn(box: Float64, rng: Rng) -> Float64:
    """(4,) a post or a low wall that somebody in `box` would be behind."""
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
    """The four parts of a box left, above, right and below of an obstacle, largest first, and their shares of it."""
    strips = np.tile(box, (4, 1))
    for side, (edge, limit) in enumerate(((2, 0), (3, 1), (0, 2), (1, 3))):
        strips[side, edge] = np.clip(obstacle[limit], *sorted((box[edge % 2], box[edge % 2 + 2])))
    share = (strips[:, 2:] - strips[:, :2]).prod(axis=1) / (box[2:] - box[:2]).prod()
    order = np.argsort(-share)
    return strips[order], share[order]
