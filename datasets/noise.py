"""What a detector would have said: simulated detections for sequences of which only the truth is known.

Boxes jitter with a part that lasts and a part that is new in every frame; scores fall with cover and smallness;
objects with too low a score are missed; some are seen twice; some detections show nothing. The constants are fitted
on real detections (`fit`), and `Noise.sample` draws detectors around them: from perfect ones to weak ones, since
whoever uses the tracker brings a detector of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from datasets.truth import Boxes, Sequence
from tracker.boxes import overlaps
from tracker.types import Float64, Int64

LEAST = 0.1  # score below which a detector says nothing
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Noise:
    """A detector's errors. Lengths are in sizes of the object's own box.

    Attributes:
        edge: jitter of each edge of an object in full view.
        edge_cover: what full cover adds to it.
        lasting: share of the jitter's variance that lasts, and of the score's.
        memory: seconds in which that part is forgotten.
        score: mean log-odds of an object in full view.
        score_cover: what full cover takes from it.
        score_spread: its standard deviation.
        twice: probability that an object is seen twice.
        clutter: detections of nothing, for each object in the frame.
    """

    edge: float = 0.024
    edge_cover: float = 0.05
    lasting: float = 0.7
    memory: float = 0.5
    score: float = 2.6
    score_cover: float = 4.0
    score_spread: float = 0.9
    twice: float = 0.03
    clutter: float = 0.12

    def sample(self, rng: Rng) -> Noise:
        """Another detector: one in five is perfect, the others are around these constants, up to twice as bad."""
        if rng.random() < 0.2:
            return PERFECT
        worse = float(np.exp(rng.normal(0, 0.5)))
        return replace(
            self,
            edge=self.edge * worse,
            edge_cover=self.edge_cover * worse,
            lasting=float(rng.uniform(0.3, 0.8)),
            memory=self.memory * float(np.exp(rng.normal(0, 0.5))),
            score=self.score - float(rng.exponential(0.6)),
            score_cover=self.score_cover * float(np.exp(rng.normal(0, 0.3))),
            twice=self.twice * float(rng.uniform(0, 2)),
            clutter=self.clutter * float(rng.uniform(0, 2)),
        )


PERFECT = Noise(0, 0, 0, 1, 50, 0, 0, 0, 0)


def simulate(
    truth: Boxes, times: Float64, frames: Int64, noise: Noise, rng: Rng
) -> list[tuple[Int64, Float64, Float64]]:
    """What a detector with `noise` says in these frames: (numbers, boxes, scores) of each, number -1 for clutter.

    Args:
        truth: of the sequence.
        times: (F,) seconds of its frames.
        frames: (L,) which of them are looked at, rising.
    """
    lasting: dict[int, tuple[float, Float64]] = {}
    found = []
    for k in frames.tolist():
        number, boxes, seen = truth.at(k)
        time, n = float(times[k]), len(number)
        old = np.zeros((n, 5))
        for i, one in enumerate(number.tolist()):
            fresh = rng.normal(size=5)
            if one in lasting:
                since, was = lasting[one]
                keep = np.exp(-(time - since) / noise.memory)
                fresh = keep * was + np.sqrt(1 - keep * keep) * fresh
            lasting[one] = (time, fresh)
            old[i] = fresh
        error = np.sqrt(noise.lasting) * old + np.sqrt(1 - noise.lasting) * rng.normal(size=(n, 5))
        cover = 1 - seen
        size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        moved = boxes + size * (noise.edge + noise.edge_cover * cover)[:, None] * error[:, :4]
        odds = noise.score - noise.score_cover * cover + noise.score_spread * error[:, 4]
        number, moved, odds = _twice(number, moved, odds, noise.twice, rng)
        extra = _clutter(boxes, rng.poisson(noise.clutter * n), rng)
        number = np.concatenate([number, np.full(len(extra), -1)])
        moved = np.concatenate([moved, extra])
        odds = np.concatenate([odds, rng.normal(-1.0, 0.9, len(extra))])
        score = 1 / (1 + np.exp(-odds))
        good = (score >= LEAST) & (moved[:, 2:] - moved[:, :2] > 2).all(axis=1)
        found.append((number[good], moved[good], score[good]))
    return found


def fit(sequences: list[Sequence]) -> Noise:
    """The constants that real detections show, by moments; `twice` keeps its default (truth does not name twins).

    Args:
        sequences: with detections.
    """
    error, cover, odds, pairs, clutter, objects = [], [], [], [], 0, 0
    for sequence in sequences:
        assert sequence.detections is not None
        before: dict[int, Float64] = {}
        for k in range(len(sequence.times)):
            number, boxes, seen = sequence.truth.at(k)
            named, found, score = sequence.detections.at(k)
            at = {int(one): i for i, one in enumerate(number)}
            clutter += int((named < 0).sum())
            objects += len(number)
            now: dict[int, Float64] = {}
            for one, box, p in zip(named.tolist(), found, score, strict=True):
                if one < 0:
                    continue
                i = at[one]
                e = (box - boxes[i]) / np.tile(boxes[i, 2:] - boxes[i, :2], 2)
                error.append(e)
                cover.append(1 - seen[i])
                odds.append(np.log(p / (1 - p)))
                now[one] = e
                if one in before and seen[i] > 0.7:
                    pairs.append((before[one], e))
            before = now
    e, c, o = np.array(error), np.array(cover), np.array(odds)
    # robust: the middle of the errors, since truth itself is off by much where objects are cut
    open_, half = c < 0.1, (c > 0.4) & (c < 0.7)
    spread = [1.4826 * np.median(abs(e[m] - np.median(e[m], axis=0))) for m in (open_, half)]
    a, b = (np.array(side).ravel() for side in zip(*pairs, strict=True))
    small = (abs(a) < 4 * spread[0]) & (abs(b) < 4 * spread[0])
    slope = np.polyfit(c, o, 1)
    return replace(
        Noise(),
        edge=float(spread[0]),
        edge_cover=float((spread[1] - spread[0]) / 0.55),
        lasting=float(np.clip(np.corrcoef(a[small], b[small])[0, 1], 0, 1)),
        score=float(slope[1]),
        score_cover=float(-slope[0]),
        score_spread=float((o - np.polyval(slope, c)).std()),
        clutter=clutter / objects,
    )


def _twice(number: Int64, boxes: Float64, odds: Float64, share: float, rng: Rng) -> tuple[Int64, Float64, Float64]:
    """The same and, behind them, weak second looks at some; they are nobody's, or an object would be there twice."""
    again = np.flatnonzero(rng.random(len(number)) < share)
    size = np.tile(boxes[again, 2:] - boxes[again, :2], 2)
    twins = boxes[again] + 0.15 * size * rng.normal(size=(len(again), 4))
    return (
        np.concatenate([number, np.full(len(again), -1)]),
        np.concatenate([boxes, twins]),
        np.concatenate([odds, np.minimum(odds[again] - 1, rng.normal(-0.5, 0.8, len(again)))]),
    )


def _clutter(boxes: Float64, n: int, rng: Rng) -> Float64:
    """(n, 4) boxes of nothing: of objects' sizes, around them, not on them."""
    if len(boxes) == 0 or n == 0:
        return np.zeros((0, 4))
    like = boxes[rng.integers(len(boxes), size=n)]
    size = (like[:, 2:] - like[:, :2]) * np.exp(0.4 * rng.normal(size=(n, 1)))
    centre = (like[:, 2:] + like[:, :2]) / 2 + 1.5 * size * rng.normal(size=(n, 2))
    made = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
    kept: Float64 = made[overlaps(made, boxes).max(axis=1) < 0.5]
    return kept
