"""Class evidence over time from simulated crops, for training and evaluation of temporal pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np

from datasets.ground_truth.classification import ClassifiedImage, ClassifiedImages
from datasets.simulation.crops import Course, draw_course, show
from datasets.simulation.detector_noise import Rng
from models.backbones.feature_maps import standardise
from models.backbones.registry import Weights
from tracker.boxes import neighbour_iou, overlapping_pairs, overlaps
from tracker.classification.crops import crop_quality, sharpness, to_size
from tracker.classification.label_votes import LABEL_QUALITY, class_evidence, label_quality
from tracker.types import Bool, Detections, Float32, Float64, Int64, UInt8

Classify = Callable[[Float32], Float32]  # (B, 3, S, S) standardised images -> (B, K) class scores before the softmax


@dataclass(frozen=True, eq=False, slots=True)
class Evidence:
    """Class evidence of S objects, at most T crops each.

    Attributes:
        time: (S, T) float64, seconds, increasing.
        seen: (S, T) bool, which of the times have a crop.
        scores: (S, T, K) class scores before the softmax, of a classifier.
        quality: (S, T, Q) float32, as `tracker.classification.crops` gives it.
        truth: (S,) int64, classes of the objects.
    """

    time: Float64
    seen: Bool
    scores: Float32
    quality: Float32
    truth: Int64

    def take(self, rows: Int64) -> Evidence:
        """Only `rows`."""
        return Evidence(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def join(parts: Sequence[Evidence]) -> Evidence:
    """Concatenate evidence."""
    return Evidence(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Evidence)})


def simulate(
    data: ClassifiedImages,
    picture: ClassifiedImage,
    time: Float64,
    classify: Classify,
    weights: Weights,
    rng: Rng,
    keep: Callable[[UInt8], None] | None = None,
) -> Evidence:
    """Simulate one object at `time` (T,) seconds from its image; occluders come from other images.

    `keep` is called with every crop.
    """
    size = weights.size
    others = [data.pictures[int(k)] for k in rng.integers(len(data.pictures), size=2)]
    own, front, other = (to_size(data.read(p), size) for p in (picture, *others))
    course = draw_course(rng, time)
    shown, quality = [], []
    for k in range(len(time)):
        view = show(own, course, k, front, other, rng)
        if keep is not None:
            keep(view)
        net = to_size(view, size)
        shown.append(standardise(net, weights))
        told = float(course.cover[k]) if course.strangers[k] else 0.0
        sides = 0.25 * float(course.cut[k] > 0.02)
        quality.append(
            crop_quality(
                side=np.sqrt(view.shape[0] * view.shape[1]),
                sharp=sharpness(net),
                score=float(course.score[k]),
                cover=told,
                cut=sides,
            )
        )
    scores = classify(np.concatenate(shown))
    seen = np.ones(len(time), bool)
    truth = np.array([picture.label])
    return Evidence(time[None], seen[None], scores[None], np.array(quality, np.float32)[None], truth)


def degrade_view(bgr: UInt8, course: Course, k: int, rng: Rng) -> tuple[UInt8, Float64]:
    """A whole image degraded as by a camera at time `k`, and the (2, 3) affine from the image's pixels to it."""
    height, width = bgr.shape[:2]
    zoom = float(np.clip(course.side[k] / 220.0 + 0.25, 0.25, 1.2))
    x, y = (course.shift[k] * 0.8 * np.array([width, height])).tolist()
    into = np.array([[zoom, 0, width / 2 * (1 - zoom) + x], [0, zoom, height / 2 * (1 - zoom) + y]])
    how = cv2.INTER_AREA if zoom < 0.7 else cv2.INTER_LINEAR
    view = cv2.warpAffine(bgr, into, (width, height), flags=how, borderMode=cv2.BORDER_REFLECT_101)
    smear = round(float(course.blur[k]) * 120 * zoom)
    if smear > 1:
        view = cv2.blur(view, (smear, 1) if np.cos(course.angle[k]) > 0 else (1, smear))
    noisy = view * course.light[k] + rng.normal(0, course.noise, view.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8), into


def simulate_labels(
    bgr: UInt8,
    xyxy: Float64,
    label: Int64,
    time: Float64,
    detect: Callable[[UInt8], Detections],
    classes: int,
    rng: Rng,
) -> Evidence:
    """Labels of a detector for the objects in boxes (N, 4) of an image at `time` (T,), where it finds them.

    Args:
        bgr: the image.
        xyxy: (N, 4) the true boxes.
        label: (N,) their classes.
        time: (T,) seconds.
        detect: the detector, with the same labels as `label`.
        classes: number of classes K.
        rng: generator of the simulated motion.
    """
    course = draw_course(rng, time)
    n, t = len(xyxy), len(time)
    seen = np.zeros((n, t), bool)
    scores = np.zeros((n, t, classes), np.float32)
    quality = np.zeros((n, t, len(LABEL_QUALITY)), np.float32)
    for k in range(t):
        view, into = degrade_view(bgr, course, k, rng)
        found = detect(view)
        if not len(found):
            continue
        boxes = found.xyxy.astype(np.float64)
        votes, worse = class_evidence(boxes, found.score.astype(np.float64), found.label, classes)
        crowd = neighbour_iou(boxes, overlapping_pairs(boxes))
        told = label_quality(boxes, found.score.astype(np.float64), crowd)
        true = xyxy * np.tile(into[[0, 1], [0, 1]], 2) + np.tile(into[:, 2], 2)
        near = overlaps(true, boxes) * (~worse & (found.score >= 0.1))
        # as in tracking: one box per object, and each box goes to the object that it fits best
        best = near.argmax(axis=1)
        rows = np.flatnonzero((near[np.arange(n), best] >= 0.5) & (near[:, best].argmax(axis=0) == np.arange(n)))
        seen[rows, k] = True
        scores[rows, k] = votes[best[rows]]
        quality[rows, k] = told[best[rows]]
    if n > 1:  # for a while the track follows another object
        for row in np.flatnonzero(rng.random(n) < 0.15):
            other, start = int(rng.integers(n)), rng.uniform(time[0], time[-1])
            swap = (time >= start) & (time < start + rng.exponential(0.3)) & seen[other]
            scores[row, swap], quality[row, swap] = scores[other, swap], quality[other, swap]
            seen[row] |= swap
    return Evidence(np.tile(time, (n, 1)), seen, scores, quality, label)
