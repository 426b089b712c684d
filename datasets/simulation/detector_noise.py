"""Simulated detections for sequences of which only the ground truth is known.

Box jitter has a part that is correlated in time and a part that is new in every frame. Scores fall with occlusion.
Occluded objects are missed, often for a while. Of two boxes that nearly coincide, the one with the lower score is
suppressed, as in non-maximum suppression. Some objects have duplicate detections; some detections are false alarms. The
constants are fitted on real detections (`fit`). `NoiseModel.sample` draws detectors around them, from perfect to weak,
because users run the tracker with detectors of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from datasets.ground_truth.tracking import BoxTable, TrackingSequence
from tracker.boxes import overlap, overlaps
from tracker.types import Bool, Float64, Int64

MIN_SCORE = 0.1  # lowest score of a detection
# of pedestrians found by yolox_nano: 4 to 6 on PETS09 and TUD, 2 on MOT16-11, where true boxes include all limbs
MAX_LATERAL_JITTER = 6.0
MAX_JITTER = 0.25  # upper limit of the jitter that `sway` produces; beyond it boxes would be inverted
MAX_MISS_SHARE = 0.4  # largest share of fully visible objects that a drawn detector misses
DUPLICATE_OFFSET = (0.08, 0.4)  # edge offset of a duplicate detection, in sizes of the box: minimum, maximum
MERGE_IOU = 0.2  # lowest IoU of two objects that one box may cover together
MIN_EXAMPLES = 20  # smallest number of examples to which a constant is fitted
SUPPRESSION_IOU = 0.6  # lowest IoU of true boxes at which one's detection may suppress the other's
Rng = np.random.Generator
Found = tuple[Int64, Float64, Float64]  # object ids, boxes, scores of one frame


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """A detector's errors. Lengths are in sizes of the object's own box.

    Attributes:
        edge: standard deviation of each edge of a fully visible object.
        sway: factor on the jitter of the left and right edges: limbs swing sideways, heads and feet do not.
        edge_cover: increase of `edge` at full occlusion.
        edge_spread: standard deviation of the logarithm of an object's jitter: most boxes fit well, few badly.
        lasting: temporally correlated share of the variance of jitter, score and misses, 0..1.
        memory: time constant of that share, seconds.
        sudden: whether that share is piecewise constant, redrawn at random moments separately for each component;
            otherwise it decays gradually.
        score: mean log-odds of a fully visible object.
        score_cover: decrease of `score` at full occlusion.
        score_spread: standard deviation of the log-odds.
        missed: probability that a fully visible object is missed.
        missed_cover: increase of `missed` at full occlusion; it grows with the fourth power of the occluded share.
        same: IoU above which the weaker of two detections is suppressed.
        twice: probability of a duplicate detection of an object.
        clutter: false alarms per object in the frame.
        merged: how far the box of an object is extended over the object that it occludes and that is missed, 0..1.
        embedding: norm of the noise of simulated embeddings relative to the object's own vector.
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
    embedding: float = 1.15  # of EfficientNet-Lite0 on real clips, see `embeddings`

    def sample(self, rng: Rng) -> NoiseModel:
        """Draws another detector. One in five is perfect; the others vary around these constants, some much worse."""
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
            # mostly above the fitted value: `fit` uses images that the detector may have been trained on
            missed=min(self.missed * float(np.exp(rng.normal(1.0, 1.0))), MAX_MISS_SHARE),
            missed_cover=self.missed_cover * float(np.exp(rng.normal(0.7, 0.5))),
            same=float(rng.choice([0.5, 0.6, 0.7, 0.7, 0.7, 0.8])),
            twice=self.twice * float(rng.uniform(0, 4)),
            clutter=self.clutter * float(rng.uniform(0, 3)),
            merged=float(rng.uniform()) if rng.random() < 0.5 else 0.0,
        )


@dataclass(frozen=True, slots=True)
class WideNoise(NoiseModel):
    """Detectors of all kinds, from ranges in round numbers that were fitted to nothing.

    One in five is perfect. A box edge of a detector is off by 1 to 6 % of the box, its scores follow the visible share
    closely or hardly, it misses 0.2 to 30 % of what is in full view. `sample` draws one; the fields are not used.
    """

    embedding: float = 1.0

    def sample(self, rng: Rng) -> NoiseModel:
        """Draws a detector."""
        if rng.random() < 0.2:
            return PERFECT

        def between(low: float, high: float) -> float:
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))

        return NoiseModel(
            edge=between(0.01, 0.06),
            sway=between(1.0, 5.0),
            edge_cover=float(rng.uniform(0, 0.15)),
            edge_spread=float(rng.uniform(0.3, 1.0)),
            lasting=float(rng.uniform(0.3, 0.95)),
            memory=between(0.2, 1.5),
            sudden=bool(rng.random() < 0.5),
            score=float(rng.uniform(1, 4)),
            score_cover=float(rng.uniform(1, 7)),
            score_spread=float(rng.uniform(0.4, 1.4)),
            missed=between(0.002, 0.3),
            missed_cover=float(rng.uniform(0.1, 1.0)),
            same=float(rng.uniform(0.5, 0.85)),
            twice=float(rng.uniform(0, 0.12)),
            clutter=float(rng.uniform(0, 0.4)),
            merged=float(rng.uniform()) if rng.random() < 0.5 else 0.0,
        )


PERFECT = NoiseModel(0, 1, 0, 0, 0, 1, False, 50, 0, 0, 0, 0, 1, 0, 0)
DIMENSIONS = 7  # an object's noise state: four edges, score, jitter scale, miss


def simulate(truth: BoxTable, times: Float64, frames: Int64, noise: NoiseModel, rng: Rng) -> list[Found]:
    """Simulated detections in these frames: (object ids, boxes, scores) of each frame, id -1 for a false alarm.

    Args:
        truth: ground truth of the sequence.
        times: (F,) times of its frames, seconds.
        frames: (L,) frames to simulate, not decreasing.
        noise: error model of the detector.
        rng: random generator.
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
    """Perturbs a frame's detections with errors that are independent between frames.

    Args:
        found: object ids, boxes, scores, from `simulate` or from a real detector.
        edge: standard deviation of the offset of every edge, in the box's size along the same axis.
        missed: share of detections to drop.
        alarms: false alarms per detection, at random places within the extent of all boxes, with random scores.
        rng: random generator.
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
    """Fits the constants to real detections by moments. A constant with too few examples keeps its default.

    `twice` keeps its default, because ground truth does not mark duplicates. So do `edge_spread` and `same` (the
    largest overlap of MOT17's detections is an IoU of 0.70).

    Args:
        sequences: sequences with detections.
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
            # a miss next to a box that nearly coincides comes from suppression, not from occlusion
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
    # the share of error pairs of equal sign gives their correlation, whatever their scale (Sheppard 1899)
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
    """Robust standard deviation of errors (N, 4), from the median absolute deviation.

    Ground truth itself has large errors where objects are cut.
    """
    return float(1.4826 * np.median(abs(errors - np.median(errors, axis=0)))) if len(errors) >= MIN_EXAMPLES else usual


def _line(x: Float64, y: Float64, usual: tuple[float, float]) -> tuple[float, float]:
    """Intercept and slope of a line fit; the slope of `usual` if `x` hardly varies, `usual` if examples are too few."""
    if len(x) < MIN_EXAMPLES:
        return usual
    slope, height = np.polyfit(x, y, 1) if np.ptp(x) > 0.1 else (usual[1], float(np.mean(y - usual[1] * x)))
    return float(height), float(slope)


def _distinct(boxes: Float64, score: Float64, same: float) -> Bool:
    """(N,) False where a box of higher score overlaps with an IoU above `same`: greedy non-maximum suppression."""
    close = overlaps(boxes, boxes) > same
    kept = np.zeros(len(boxes), np.bool_)
    for i in np.argsort(-score, kind="stable").tolist():
        kept[i] = not (close[i] & kept).any()
    return kept


def _merged(boxes: Float64, moved: Float64, there: Bool, gone: Bool, share: float) -> Float64:
    """Detections `moved` (N, 4); the box that overlaps a missed object (`gone`) most is extended over it by `share`."""
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
    """The detections, followed by duplicates of some of them, mostly with lower scores.

    A duplicate has the id -1, so that an object is not counted twice. A duplicate with an IoU above `same` has the
    object's id, because suppression keeps only one of the two.
    """
    again = np.flatnonzero(rng.random(len(number)) < share)
    first = boxes[again]
    size = np.tile(first[:, 2:] - first[:, :2], 2)
    # duplicates that survive a detector's own suppression mostly have an IoU below 0.5
    off = np.exp(rng.uniform(np.log(DUPLICATE_OFFSET[0]), np.log(DUPLICATE_OFFSET[1]), (len(again), 1)))
    twins = first + off * size * rng.normal(size=(len(again), 4))
    # for an object with a low score the duplicate may have the higher score
    sure = np.minimum(odds[again] + rng.normal(-1.5, 1.5, len(again)), rng.normal(-0.5, 0.8, len(again)))
    near = overlap(first, twins, 0.0).iou > same
    return (
        np.concatenate([number, np.where(near, number[again], -1)]),
        np.concatenate([boxes, twins]),
        np.concatenate([odds, sure]),
    )


def _clutter(boxes: Float64, n: int, rng: Rng) -> Float64:
    """(n, 4) false alarms: boxes of the objects' sizes, around the objects but not on them."""
    if len(boxes) == 0 or n == 0:
        return np.zeros((0, 4))
    like = boxes[rng.integers(len(boxes), size=n)]
    size = (like[:, 2:] - like[:, :2]) * np.exp(0.4 * rng.normal(size=(n, 1)))
    centre = (like[:, 2:] + like[:, :2]) / 2 + 1.5 * size * rng.normal(size=(n, 2))
    made = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
    kept: Float64 = made[overlaps(made, boxes).max(axis=1) < 0.5]
    return kept
