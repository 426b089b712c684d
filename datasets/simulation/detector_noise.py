"""What a detector would have said: simulated detections for sequences of which only the truth is known.

Boxes jitter with a part that lasts and a part that is new in every frame; scores fall with cover; objects that others
cover are missed, often for a while; of two boxes that nearly coincide the weaker is suppressed, as detectors do; some
objects are seen twice; some detections show nothing. The constants are fitted on real detections (`fit`), and
`NoiseModel.sample` draws detectors around them: from perfect ones to weak ones, since whoever uses the tracker brings a
detector of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from datasets.ground_truth.tracking import BoxTable, TrackingSequence
from tracker.boxes import overlap, overlaps
from tracker.types import Bool, Float64, Int64

MIN_SCORE = 0.1  # score below which a detector says nothing
# yolox_nano's walkers: 4 to 6 on PETS09 and TUD, 2 on MOT16-11, where truth's boxes hold all limbs
MAX_LATERAL_JITTER = 6.0
MAX_JITTER = 0.25  # jitter beyond which the sway goes no further, or boxes would turn inside out
MAX_MISS_SHARE = 0.4  # share of the objects in full view that a drawn detector may miss
DUPLICATE_OFFSET = (0.08, 0.4)  # by how much the edges of a second look are off, in sizes of the box: from, to
MERGE_IOU = 0.2  # IoU of two objects from which one box may hold both
MIN_EXAMPLES = 20  # examples from which a constant is fitted
SUPPRESSION_IOU = 0.6  # IoU of true boxes from which one's detection may suppress the other's
Rng = np.random.Generator
Found = tuple[Int64, Float64, Float64]  # numbers, boxes, scores of one frame


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """A detector's errors. Lengths are in sizes of the object's own box.

    Attributes:
        edge: jitter of each edge of an object in full view.
        sway: how much more the left and right edges jitter, each in its own size: limbs swing, heads and feet do not.
        edge_cover: what full cover adds to it.
        edge_spread: standard deviation of the logarithm of an object's own jitter: most boxes fit well, few badly.
        lasting: share of the jitter's variance that lasts, of the score's, and of what makes an object missed.
        memory: seconds in which that part is forgotten.
        sudden: whether it is forgotten at once, edge by edge, at random moments, or little by little.
        score: mean log-odds of an object in full view.
        score_cover: what full cover takes from it.
        score_spread: its standard deviation.
        missed: probability that an object in full view is missed.
        missed_cover: what full cover adds to it; it grows with the fourth power of the cover.
        same: IoU from which the weaker of two detections is suppressed.
        twice: probability that an object is seen twice.
        clutter: detections of nothing, for each object in the frame.
        merged: how far the box of who stands before somebody who is missed for it reaches over both, 0..1.
    """

    edge: float = 0.024
    sway: float = 1.0
    edge_cover: float = 0.05
    edge_spread: float = 0.7
    lasting: float = 0.7
    memory: float = 0.5
    sudden: bool = False
    score: float = 2.6
    score_cover: float = 4.0
    score_spread: float = 0.9
    missed: float = 0.01
    missed_cover: float = 0.2
    same: float = 0.7
    twice: float = 0.03
    clutter: float = 0.12
    merged: float = 0.0

    def sample(self, rng: Rng) -> NoiseModel:
        """Another detector: one in five is perfect, the others are around these constants, some much worse."""
        if rng.random() < 0.2:
            return PERFECT
        worse = float(np.exp(rng.normal(0.2, 0.7)))
        return replace(
            self,
            edge=self.edge * worse,
            sway=float(np.exp(rng.uniform(0, np.log(MAX_LATERAL_JITTER)))),
            edge_cover=self.edge_cover * worse,
            lasting=float(rng.uniform(0.4, 0.95)),
            memory=self.memory * float(np.exp(rng.normal(0, 0.5))),
            sudden=bool(rng.random() < 0.5),
            score=self.score - float(rng.exponential(0.6)),
            score_cover=self.score_cover * float(np.exp(rng.normal(0, 0.3))),
            # mostly more: `fit` looks at pictures that the detector may have been trained on
            missed=min(self.missed * float(np.exp(rng.normal(1.0, 1.0))), MAX_MISS_SHARE),
            missed_cover=self.missed_cover * float(np.exp(rng.normal(0.7, 0.5))),
            same=float(rng.choice([0.5, 0.6, 0.7, 0.7, 0.7, 0.8])),
            twice=self.twice * float(rng.uniform(0, 4)),
            clutter=self.clutter * float(rng.uniform(0, 3)),
            merged=float(rng.uniform()) if rng.random() < 0.5 else 0.0,
        )


PERFECT = NoiseModel(0, 1, 0, 0, 0, 1, False, 50, 0, 0, 0, 0, 1, 0, 0)
DIMENSIONS = 7  # of an object's state: four edges, its score, the size of its jitter, whether it is missed


def simulate(truth: BoxTable, times: Float64, frames: Int64, noise: NoiseModel, rng: Rng) -> list[Found]:
    """What a detector with `noise` says in these frames: (numbers, boxes, scores) of each, number -1 for clutter.

    Args:
        truth: of the sequence.
        times: (F,) seconds of its frames.
        frames: (L,) which of them are looked at, rising or standing still.
    """
    lasting: dict[int, tuple[float, Float64]] = {}
    found = []
    for k in frames.tolist():
        number, boxes, seen = truth.at(k)
        time, n = float(times[k]), len(number)
        old = np.zeros((n, DIMENSIONS))
        for i, one in enumerate(number.tolist()):
            fresh = rng.normal(size=DIMENSIONS)
            if one in lasting:
                since, was = lasting[one]
                keep = np.full(DIMENSIONS, np.exp(-(time - since) / noise.memory))
                if noise.sudden:
                    keep = (rng.random(DIMENSIONS) < keep).astype(np.float64)
                fresh = keep * was + np.sqrt(1 - keep * keep) * fresh
            lasting[one] = (time, fresh)
            old[i] = fresh
        error = np.sqrt(noise.lasting) * old + np.sqrt(1 - noise.lasting) * rng.normal(size=(n, DIMENSIONS))
        cover = 1 - seen
        size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        jitter = (noise.edge + noise.edge_cover * cover) * np.exp(noise.edge_spread * error[:, 5])
        along = np.minimum(jitter[:, None] * [noise.sway, 1, noise.sway, 1], np.maximum(jitter[:, None], MAX_JITTER))
        moved = boxes + size * along * error[:, :4]
        odds = noise.score - noise.score_cover * cover + noise.score_spread * error[:, 4]
        rank = np.array([NormalDist().cdf(e) for e in error[:, 6].tolist()])
        there = rank >= noise.missed + noise.missed_cover * cover**4
        if noise.merged and n:
            moved = _merged(boxes, moved, there, ~there & (rank >= noise.missed), noise.merged)
        number, moved, odds = number[there], moved[there], odds[there]
        number, moved, odds = _duplicates(number, moved, odds, noise.twice, noise.same, rng)
        extra = _clutter(boxes, rng.poisson(noise.clutter * n), rng)
        number = np.concatenate([number, np.full(len(extra), -1)])
        moved = np.concatenate([moved, extra])
        odds = np.concatenate([odds, rng.normal(-1.0, 0.9, len(extra))])
        score = 1 / (1 + np.exp(-odds))
        good = (score >= MIN_SCORE) & (moved[:, 2:] - moved[:, :2] > 2).all(axis=1)
        good[good] = _distinct(moved[good], score[good], noise.same)
        found.append((number[good], moved[good], score[good]))
    return found


def perturb_boxes(found: Found, edge: float, missed: float, alarms: float, rng: Rng) -> Found:
    """A frame's detections made worse, with errors that are new in every frame.

    Args:
        found: numbers, boxes, scores, as `simulate` gives them, or real ones.
        edge: standard deviation that every edge is moved by, in the box's own size along it.
        missed: share that is left out.
        alarms: detections of nothing for each detection, anywhere where things are seen, with any score.
    """
    number, boxes, score = found
    left = rng.random(len(number)) >= missed
    number, boxes, score = number[left], boxes[left], score[left]
    moved = boxes + edge * np.tile(boxes[:, 2:] - boxes[:, :2], 2) * rng.normal(size=boxes.shape)
    good = (moved[:, 2:] - moved[:, :2]).min(axis=1) > 2
    moved = np.where(good[:, None], moved, boxes)
    n = rng.poisson(alarms * len(boxes)) if len(boxes) else 0
    if n:
        half = (boxes[:, 2:] - boxes[:, :2])[rng.integers(len(boxes), size=n)] / 2
        centre = rng.uniform(boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0), (n, 2))
        moved = np.concatenate([moved, np.concatenate([centre - half, centre + half], axis=1)])
        number = np.concatenate([number, np.full(n, -1)])
        score = np.concatenate([score, rng.uniform(MIN_SCORE, 0.95, n)])
    return number, moved, score


def fit(sequences: list[TrackingSequence]) -> NoiseModel:
    """The constants that real detections show, by moments, each its default where too few show it.

    `twice` keeps its default (truth does not name twins), and so do `edge_spread` and `same` (the largest overlaps of
    MOT17's detections end at .70).

    Args:
        sequences: with detections.
    """
    error, cover, odds, pairs, gone, clutter, objects = [], [], [], [], [], 0, 0
    for sequence in sequences:
        assert sequence.detections is not None
        before: dict[int, Float64] = {}
        for k in range(len(sequence.times)):
            number, boxes, seen = sequence.truth.at(k)
            named, found, score = sequence.detections.at(k)
            at = {int(one): i for i, one in enumerate(number)}
            apart = overlaps(boxes, boxes)
            np.fill_diagonal(apart, 0)
            # what two boxes too near do to each other is not cover's
            apart = apart.max(axis=1, initial=0) < SUPPRESSION_IOU
            gone.append(np.column_stack([(1 - seen) ** 4, ~np.isin(number, named)])[apart])
            clutter += int((named < 0).sum())
            objects += len(number)
            now: dict[int, Float64] = {}
            for one, box, p in zip(named.tolist(), found, score, strict=True):
                if one not in at:
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
    usual = NoiseModel()
    e, c, o = np.array(error).reshape(-1, 4), np.array(cover), np.array(odds)
    edge = _spread(e[c < 0.1], usual.edge)
    half = _spread(e[(c > 0.4) & (c < 0.7)], edge + 0.55 * usual.edge_cover)
    full, fall = _line(c, o, (usual.score, -usual.score_cover))
    covers, absent = np.concatenate(gone).T
    missed, missed_cover = _line(covers, absent, (usual.missed, usual.missed_cover))
    # two errors of one sign tell their correlation whatever the size of either (Sheppard 1899)
    same = (np.prod(pairs, axis=1) > 0).mean() if len(pairs) >= MIN_EXAMPLES else 0.5 + np.arcsin(usual.lasting) / np.pi
    return replace(
        usual,
        edge=edge,
        edge_cover=(half - edge) / 0.55,
        lasting=float(np.clip(np.sin(np.pi * (same - 0.5)), 0, 1)),
        score=full,
        score_cover=-fall,
        score_spread=float((o - full - fall * c).std()) if len(o) >= MIN_EXAMPLES else usual.score_spread,
        missed=min(max(missed, 0), 1),
        missed_cover=min(max(missed_cover, 0), 1),
        clutter=clutter / max(objects, 1),
    )


def _spread(errors: Float64, usual: float) -> float:
    """The standard deviation of errors (N, 4), by their middle: truth itself is off by much where objects are cut."""
    return float(1.4826 * np.median(abs(errors - np.median(errors, axis=0)))) if len(errors) >= MIN_EXAMPLES else usual


def _line(x: Float64, y: Float64, usual: tuple[float, float]) -> tuple[float, float]:
    """Height at 0 and slope of the line through points; the usual slope where `x` hardly changes."""
    if len(x) < MIN_EXAMPLES:
        return usual
    slope, height = np.polyfit(x, y, 1) if np.ptp(x) > 0.1 else (usual[1], float(np.mean(y - usual[1] * x)))
    return float(height), float(slope)


def _distinct(boxes: Float64, score: Float64, same: float) -> Bool:
    """(N,) False where a better box overlaps by more than `same`: greedy suppression."""
    close = overlaps(boxes, boxes) > same
    kept = np.zeros(len(boxes), np.bool_)
    for i in np.argsort(-score, kind="stable").tolist():
        kept[i] = not (close[i] & kept).any()
    return kept


def _merged(boxes: Float64, moved: Float64, there: Bool, gone: Bool, share: float) -> Float64:
    """Detections `moved` (N, 4) with those of whoever is there drawn by `share` over the nearest one that is `gone`."""
    lost = gone.nonzero()[0]
    near = overlaps(boxes[lost], boxes)
    near[:, ~there] = 0
    front = near.argmax(axis=1)
    good = near[np.arange(len(lost)), front] > MERGE_IOU
    lost, front = lost[good], front[good]
    both = np.concatenate(
        [np.minimum(moved[lost, :2], moved[front, :2]), np.maximum(moved[lost, 2:], moved[front, 2:])], 1
    )
    moved = moved.copy()
    moved[front] += share * (both - moved[front])
    return moved


def _duplicates(
    number: Int64, boxes: Float64, odds: Float64, share: float, same: float, rng: Rng
) -> tuple[Int64, Float64, Float64]:
    """The same and, behind them, weak second looks at some: nobody's, or an object would be there twice.

    One that is so near the first that only either can be left (IoU above `same`) is the object's, whichever it is.
    """
    again = np.flatnonzero(rng.random(len(number)) < share)
    first = boxes[again]
    size = np.tile(first[:, 2:] - first[:, :2], 2)
    # what a detector's own suppression leaves overlaps by less than half, mostly
    off = np.exp(rng.uniform(np.log(DUPLICATE_OFFSET[0]), np.log(DUPLICATE_OFFSET[1]), (len(again), 1)))
    twins = first + off * size * rng.normal(size=(len(again), 4))
    # of an object that is hardly seen the second look may be the surer one
    sure = np.minimum(odds[again] + rng.normal(-1.5, 1.5, len(again)), rng.normal(-0.5, 0.8, len(again)))
    near = overlap(first, twins, 0.0).iou > same
    return (
        np.concatenate([number, np.where(near, number[again], -1)]),
        np.concatenate([boxes, twins]),
        np.concatenate([odds, sure]),
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
