"""Fits the scores of the detector `fused` (tracker/detectors/fusion.py) on labelled images.

    python -m tools.train.fusion coco_more

Prints the numbers for `WEIGHTS`. Every sixth image is held back; average precision on those follows, of both networks
and of their fusion. Neither network was trained on COCO val2017's images in coco_more.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.ground_truth.detection import LabelledImage, LabelledImages, read_labelled_images
from datasets.sources.images import read_image
from models.detection.calibration import YOLOX, finds
from models.runtime.maths import expit
from tools.evaluate.detection import LOWEST_SCORE, label_scale, match_classes
from tools.metrics.detection import mean, score_detections
from tracker.boxes import overlaps
from tracker.detectors.config import DetectorConfig
from tracker.detectors.fused import FusedDetector
from tracker.detectors.fusion import WEIGHTS, FusedBoxes, features, fused_scores
from tracker.detectors.registry import build_detector
from tracker.types import Bool, Detections, Float64, Frame, Int64

HELD_BACK = 6  # every n-th image is not fitted on
ROUNDS = 3  # which of two boxes finds an object depends on the scores, and the scores on who finds
NEWTON_STEPS = 30
RIDGE = 1.0  # pulls a weight towards 0 like one example
SAME_IOU = 0.5
Seen = tuple[LabelledImage, tuple[int, int], FusedBoxes]  # an image, its size in pixels, its boxes


def fit_weights(terms: Float64, row: Int64, right: Bool, start: Float64) -> Float64:
    """(3, 4) weights of a logistic regression for each of three rows, on the scale of all detectors' scores.

    Args:
        terms: (N, 4) terms of the boxes.
        row: (N,) which weights each box belongs to.
        right: (N,) whether it is a true positive.
        start: (3, 4) weights; those of a row without boxes stay.
    """
    weights = start.copy()
    for k in np.unique(row):
        x, y = terms[row == k], right[row == k]
        found = np.zeros(x.shape[1])
        for _ in range(NEWTON_STEPS):
            p = expit(x @ found)
            curve = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(len(found))
            found = found + np.linalg.solve(curve, x.T @ (y - p) - RIDGE * found)
        found[0] -= YOLOX[1]
        weights[k] = found / YOLOX[0]
    return weights


def look(detector: FusedDetector, truth: LabelledImages, pictures: Sequence[LabelledImage]) -> list[Seen]:
    """The fused boxes of each image."""
    seen = []
    for k, picture in enumerate(pictures):
        frame = Frame(read_image(picture.path), k, float(k))
        seen.append((picture, frame.size, detector.boxes(frame)))
    return seen


def fit(seen: Sequence[Seen], shared: Bool, label_of: Int64, start: Float64 = WEIGHTS) -> Float64:
    """(3, 4) weights for `fused_scores`, from the classes that both networks know."""
    weights = start
    for _ in range(ROUNDS):
        parts = []
        for picture, size, boxes in seen:
            score = fused_scores(boxes, size, shared, weights)
            xyxy = (boxes.xyxy * label_scale(picture, size)).astype(np.float64)
            fits = overlaps(xyxy, picture.xyxy.astype(np.float64)) > SAME_IOU
            fits &= label_of[boxes.label][:, None] == picture.label
            right = finds(score, fits & ~picture.ignore)
            counts = shared[boxes.label] & ~(fits & picture.ignore).any(axis=1)  # boxes on a crowd are not scored
            terms, row = features(boxes, size)
            parts.append((terms[counts], row[counts], right[counts]))
        terms, row, right = (np.concatenate(part) for part in zip(*parts, strict=True))
        weights = fit_weights(terms, row, right, weights)
    return weights


def describe(name: str, found: Sequence[Detections], pictures: Sequence[LabelledImage], truth: LabelledImages) -> str:
    """One line of average precision; detections in pixels of the labels, with the labels' classes."""
    figures = score_detections(pictures, found, truth.names, list(range(len(truth.names))))
    person, every = figures["person"], mean(list(figures.values()))
    return f"{name}: persons AP {person.ap:.1f} AP50 {person.ap50:.1f}, all {every.ap:.1f} {every.ap50:.1f}"


def main(place: Path) -> None:
    """Fit on the images of `place` and print the numbers and the figures."""
    truth = read_labelled_images(place)
    config = DetectorConfig("fused", score=LOWEST_SCORE, threads=1)
    detector = build_detector(config, embeddings=False)
    assert isinstance(detector, FusedDetector)
    label_of = match_classes(detector.names, truth.names)
    held = truth.pictures[::HELD_BACK]
    fitted = [picture for k, picture in enumerate(truth.pictures) if k % HELD_BACK]
    weights = fit(look(detector, truth, fitted), detector.shared, label_of).round(3)
    print(f"WEIGHTS = np.array({weights.tolist()})  # {len(fitted)} images")
    found: dict[str, list[Detections]] = {"lite0 in it": [], "nanodet in it": [], "fused": []}
    for picture, size, boxes in look(detector, truth, held):
        xyxy, label = boxes.xyxy * label_scale(picture, size), label_of[boxes.label]
        scores = (*boxes.scores.T, fused_scores(boxes, size, detector.shared, weights))
        for name, score in zip(found, scores, strict=True):
            rows = ~np.isnan(score)
            found[name].append(Detections(xyxy[rows], score[rows], label[rows]))
    for name, detections in found.items():
        print(describe(name, detections, held, truth))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path, help="folder of labelled images")
    main(parser.parse_args().place)
