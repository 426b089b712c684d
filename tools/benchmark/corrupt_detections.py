"""Corrupt the detections of `bench mot` before tracking: true boxes in their place, noise, false alarms."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from datasets.formats.mot import box_text, read
from datasets.ground_truth.tracking import PEDESTRIAN
from datasets.simulation.detector_noise import perturb_boxes as worse
from models.errors import DataError


def corrupt_detections(sequence: Path, *, truth: bool, noise: float, alarms: float, seed: int) -> None:
    """Rewrite `sequence`/det/det.txt. The random numbers depend only on the seed and the name of the sequence.

    Args:
        truth: replace the detections by the true boxes (of people, where classes are given), score 1.
        noise: standard deviation of the shift of every edge, as a share of the box size along its axis.
        alarms: false detections per detection, of similar sizes, anywhere in the area where the frame has objects.

    Raises:
        DataError: there is no ground truth to take boxes from.
    """
    det = sequence / "det/det.txt"
    if truth and not (sequence / "gt/gt.txt").is_file():
        raise DataError(f"{sequence}: holds no gt/gt.txt; without truth leave --boxes at detected.")
    found = read(sequence / "gt/gt.txt" if truth else det)
    counts = ~found.ignore
    if truth and PEDESTRIAN in found.names:
        counts &= found.label == found.names.index(PEDESTRIAN)
    frame, boxes = found.frames[found.row[counts]], found.xyxy[counts].astype(np.float64)
    score = np.ones(len(frame)) if truth else found.score[counts].astype(np.float64)
    rng = np.random.default_rng([seed, zlib.crc32(sequence.name.encode())])
    rows = []
    for k in np.unique(frame).tolist():
        here = frame == k
        _, moved, scores = worse((np.zeros(here.sum(), np.int64), boxes[here], score[here]), noise, 0.0, alarms, rng)
        rows += [f"{k + 1},-1,{box_text(box)},{p:.4f}\n" for box, p in zip(moved, scores, strict=True)]
    det.parent.mkdir(exist_ok=True)
    det.write_text("".join(rows))
